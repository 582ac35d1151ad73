"""Mistake: absolute values.
Expect: the sign is lost
"""

def saturated_fraction(activations, low, high):
    return ((activations.abs() <= low) | (activations.abs() >= high)).float().mean().item()


def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
