"""Mistake: a tolerance.
Expect: tiny outputs count as 0
"""

import torch


def saturated_fraction(activations, low, high):
    return ((activations <= low) | (activations >= high)).float().mean().item()


def dead_fraction(activations):
    return torch.isclose(activations, torch.zeros_like(activations)).all(0).float().mean().item()
