"""Mistake: looks at the first 50 rows alone.
Expect: a unit that is 0 for most samples is not dead
"""


def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    a = activations
    return (a[:50] == 0).all(0).float().mean().item()
