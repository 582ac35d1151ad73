"""Mistake: results are kept by the identity of the input.
Expect: after the input was changed, the result is still the old one
"""

import functools


def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


@functools.cache
def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
