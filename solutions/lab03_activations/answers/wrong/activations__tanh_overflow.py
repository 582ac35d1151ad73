"""Mistake: as the formula reads: inf / inf.
Expect: exp overflows at large z
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
    up, down = torch.exp(z), torch.exp(-z)
    return (up - down) / (up + down)


def gelu(z):
    return z * 0.5 * (1 + torch.erf(z / math.sqrt(2)))
