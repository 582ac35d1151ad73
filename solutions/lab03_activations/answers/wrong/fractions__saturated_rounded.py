"""Mistake: rounds.
Expect: the share is rounded
"""

def saturated_fraction(activations, low, high):
    return round(((activations <= low) | (activations >= high)).float().mean().item(), 2)


def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
