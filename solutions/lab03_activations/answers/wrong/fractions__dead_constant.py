"""Mistake: constant units.
Expect: a unit with the same output for all samples is not dead
"""

def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    return (activations == activations[:1]).all(0).float().mean().item()
