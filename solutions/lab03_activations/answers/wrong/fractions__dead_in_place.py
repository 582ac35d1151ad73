"""Mistake: changes its input.
Expect: the input was changed in place
"""

def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    activations[activations != 0] = 1
    return (activations.sum(0) == 0).float().mean().item()
