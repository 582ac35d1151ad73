"""Mistake: the squares of tiny outputs are 0.
Expect: tiny outputs count as 0; dead is exactly 0
"""


def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    a = activations
    return ((a**2).sum(0) == 0).float().mean().item()
