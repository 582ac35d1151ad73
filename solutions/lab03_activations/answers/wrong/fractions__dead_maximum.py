"""Mistake: the largest output.
Expect: a unit whose largest output is 0 may have negative ones
"""

def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    return (activations.max(0).values == 0).float().mean().item()
