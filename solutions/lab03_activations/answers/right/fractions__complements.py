"""What is inside, and the largest absolute value; a fraction of whole numbers."""

from fractions import Fraction

import torch


def saturated_fraction(activations, low, high):
    inside = torch.logical_and(activations > low, activations < high)
    return 1.0 - inside.double().mean().item()


def dead_fraction(activations):
    largest = activations.abs().amax(dim=0)
    return float(Fraction(int((largest == 0).sum()), len(largest)))
