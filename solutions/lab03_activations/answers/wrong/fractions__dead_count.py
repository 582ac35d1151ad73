"""Mistake: a count.
Expect: divide it by the number of units
"""

def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    return int((activations == 0).all(0).sum())
