"""Mistake: a threshold in place of 0.
Expect: tiny outputs count as 0; dead is exactly 0
"""


def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    a = activations
    return (a.abs().mean(0) < 1e-12).float().mean().item()
