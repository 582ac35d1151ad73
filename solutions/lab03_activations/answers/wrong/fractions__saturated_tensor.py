"""Mistake: a tensor.
Expect: expected a float, got a torch.Tensor
"""

def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean()


def dead_fraction(activations):
    return (activations == 0).all(dim=0).float().mean().item()
