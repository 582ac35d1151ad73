"""Mistake: sums that cancel.
Expect: a column that adds up to 0 need not be 0
"""

def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    return (activations.sum(0) == 0).float().mean().item()
