"""Mistake: a count.
Expect: divide it by the number of entries
"""

def saturated_fraction(activations, low, high):
    return float(((activations <= low) | (activations >= high)).sum())


def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
