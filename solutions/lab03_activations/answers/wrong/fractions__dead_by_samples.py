"""Mistake: divided by the samples.
Expect: divide by the number of units, not of samples
"""

def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    return (activations == 0).all(0).sum().item() / activations.shape[0]
