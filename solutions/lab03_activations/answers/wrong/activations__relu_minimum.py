"""Mistake: the smaller of the two.
Expect: take the larger of the two
"""

import math

import torch


def relu(z):
    return z.clamp(max=0)


def leaky_relu(z, slope=0.01):
    return torch.where(z > 0, z, slope * z)


def elu(z, alpha=1.0):
    return torch.where(z > 0, z, alpha * (torch.exp(z) - 1))


def tanh(z):
    return 2 / (1 + torch.exp(-2 * z)) - 1


def gelu(z):
    return z * 0.5 * (1 + torch.erf(z / math.sqrt(2)))
