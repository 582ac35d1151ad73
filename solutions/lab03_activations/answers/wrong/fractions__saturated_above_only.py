"""Mistake: the upper end only.
Expect: only entries >= high are counted
"""

def saturated_fraction(activations, low, high):
    return (activations >= high).float().mean().item()


def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
