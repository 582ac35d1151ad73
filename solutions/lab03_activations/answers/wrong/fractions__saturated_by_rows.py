"""Mistake: divides by the rows.
Expect: divide by the number of entries, not of rows
"""

def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).sum().item() / len(activations.reshape(len(activations) if activations.ndim else 1, -1))


def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
