"""Mistake: the others.
Expect: this is the share of the others
"""

def saturated_fraction(activations, low, high):
    return ((activations > low) & (activations < high)).float().mean().item()


def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
