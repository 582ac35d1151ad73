"""Mistake: units in place of entries.
Expect: this is the share of units; count entries
"""

def saturated_fraction(activations, low, high):
    at_ends = (activations <= low) | (activations >= high)
    return (at_ends.all(0) if at_ends.ndim > 1 else at_ends).float().mean().item()


def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
