"""Mistake: the limits of a sigmoid, always.
Expect: the arguments low and high have no effect
"""

def saturated_fraction(activations, low, high):
    return ((activations <= 0.01) | (activations >= 0.99)).float().mean().item()


def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
