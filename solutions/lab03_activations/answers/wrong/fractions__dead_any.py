"""Mistake: any for all.
Expect: one zero makes a unit dead
"""

def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    return (activations == 0).any(0).float().mean().item()
