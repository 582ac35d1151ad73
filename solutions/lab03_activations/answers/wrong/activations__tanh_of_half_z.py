"""Mistake: half as fast.
Expect: this is tanh(z / 2)
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
    return 2 * torch.sigmoid(z) - 1


def gelu(z):
    return z * 0.5 * (1 + torch.erf(z / math.sqrt(2)))
