"""Mistake: zero for 99 % of the samples is enough.
Expect: a unit that is 0 for most samples is not dead
"""


def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    a = activations
    return ((a == 0).float().mean(0) > 0.99).float().mean().item()
