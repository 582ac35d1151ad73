"""Mistake: a percentage.
Expect: this is a percentage
"""

def saturated_fraction(activations, low, high):
    return 100 * ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
