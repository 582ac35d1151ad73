"""Mistake: both at once.
Expect: join the two by `or`
"""

def saturated_fraction(activations, low, high):
    return ((activations <= low) & (activations >= high)).float().mean().item()


def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
