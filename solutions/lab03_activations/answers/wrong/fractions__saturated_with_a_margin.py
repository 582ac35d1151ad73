"""Mistake: a margin at both limits.
Expect: entries close to low or high count as if they were equal
"""


def saturated_fraction(activations, low, high):
    a = activations
    return ((a <= low + 1e-3) | (a >= high - 1e-3)).float().mean().item()


def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
