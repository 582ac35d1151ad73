"""Mistake: asks whether all units are dead.
Expect: this is 1 where all units are dead, else 0
"""


def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    a = activations
    return float((a == 0).all())
