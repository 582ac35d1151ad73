"""Mistake: results are kept by the identity of the input.
Expect: after the input was changed, the result is still the old one
"""

import functools


def relu(z):
    return z.clamp(min=0)


def leaky_relu(z, slope=0.01):
    return torch.where(z > 0, z, slope * z)


def elu(z, alpha=1.0):
    return torch.where(z > 0, z, alpha * (torch.exp(z.clamp(max=0)) - 1))


@functools.cache
def tanh(z):
    return 2 * torch.sigmoid(2 * z) - 1


def gelu(z):
    return z * (1 + torch.erf(z / math.sqrt(2))) / 2
