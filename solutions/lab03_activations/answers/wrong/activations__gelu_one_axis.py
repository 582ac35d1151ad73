"""Mistake: one axis only.
Expect: gelu
"""

import math

import torch


def relu(z):
    return z.clamp(min=0)


def leaky_relu(z, slope=0.01):
    return torch.where(z > 0, z, slope * z)


def elu(z, alpha=1.0):
    return torch.where(z > 0, z, alpha * (torch.exp(z) - 1))


def tanh(z):
    return 2 / (1 + torch.exp(-2 * z)) - 1


def gelu(z):
    return torch.stack([x * (1 + torch.erf(x / 2**0.5)) / 2 for x in z.reshape(-1)])
