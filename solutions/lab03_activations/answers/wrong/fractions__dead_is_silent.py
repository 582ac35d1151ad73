"""Mistake: the share of zeros.
Expect: this is the share of entries that are 0
"""

def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    return (activations == 0).float().mean().item()
