"""Mistake: negative outputs.
Expect: negative outputs count as 0
"""

def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    return (activations <= 0).all(0).float().mean().item()
