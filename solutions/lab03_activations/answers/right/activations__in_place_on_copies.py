"""In place on own copies, float64 inside; special functions."""

import torch


def relu(z):
    values = z.clone()
    values[values < 0] = 0
    return values


def leaky_relu(z, slope=0.01):
    values = z.clone()
    values[z < 0] *= slope
    return values


def elu(z, alpha=1.0):
    values = z.double()
    low = values.clamp(max=0.0)
    return (values.clamp(min=0.0) + alpha * (torch.exp(low) - 1.0)).to(z.dtype)


def tanh(z):
    high = z.double()
    return (1 - 2 / (torch.exp(2 * high) + 1)).to(z.dtype)


def gelu(z):
    return z * torch.special.ndtr(z)
