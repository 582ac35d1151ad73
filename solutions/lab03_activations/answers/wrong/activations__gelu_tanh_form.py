"""Mistake: the tanh form.
Expect: this is the approximation by tanh
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
    u = math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)
    return z * torch.sigmoid(2 * u)
