"""Mistake: nnutils.
Expect: is refused in this question
"""

from nnutils import diagnostics as tools


def saturated_fraction(activations, low, high):
    return tools.saturated_fraction(activations, low=low, high=high)


def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
