"""Mistake: a step on the way rounds to float32.
Expect: rounds to float32
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
    return (z * (1 + torch.erf(z.float() / 2**0.5).to(z.dtype)) / 2)
