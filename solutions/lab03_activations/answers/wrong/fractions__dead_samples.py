"""Mistake: the other axis.
Expect: this is the share of samples
"""

def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    return (activations == 0).all(1).float().mean().item()
