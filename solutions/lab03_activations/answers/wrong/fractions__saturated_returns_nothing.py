"""Mistake: forgets the return.
Expect: did the function forget its return?
"""

def saturated_fraction(activations, low, high):
    ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
