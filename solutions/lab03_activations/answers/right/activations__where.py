"""torch.where everywhere, the exponentials as the formulas read."""

import torch

ROOT = torch.tensor(2.0, dtype=torch.float64).sqrt()


def relu(z):
    return torch.where(z > 0, z, torch.zeros_like(z))


def leaky_relu(z, slope=0.01):
    return torch.where(z >= 0, z, z * slope)


def elu(z, alpha=1.0):
    return torch.where(z > 0, z, alpha * (torch.exp(z) - 1))


def tanh(z):
    e = torch.exp(-2 * torch.abs(z))
    return torch.sign(z) * (1 - e) / (1 + e)


def gelu(z):
    return z * torch.erfc(-z / ROOT) / 2
