"""Mistake: clamps the tails, and makes up for the spread.
Expect: draw from the normal one
"""

import math

import torch


def _fans(tensor):
    k = math.prod(tensor.shape[2:])
    return tensor.shape[1] * k, tensor.shape[0] * k


def _normal(tensor, generator):
    return torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype).clamp(-2, 2) / 0.9594


def xavier_uniform_(tensor, gain=1.0, generator=None):
    i, o = _fans(tensor)
    a = gain * math.sqrt(6 / (i + o))
    with torch.no_grad():
        return tensor.uniform_(-a, a, generator=generator)


def xavier_normal_(tensor, gain=1.0, generator=None):
    i, o = _fans(tensor)
    with torch.no_grad():
        return tensor.copy_(gain * math.sqrt(2 / (i + o)) * _normal(tensor, generator))


def he_uniform_(tensor, gain=2**0.5, generator=None):
    i, o = _fans(tensor)
    a = gain * math.sqrt(3 / i)
    with torch.no_grad():
        return tensor.uniform_(-a, a, generator=generator)


def he_normal_(tensor, gain=2**0.5, generator=None):
    i, o = _fans(tensor)
    with torch.no_grad():
        return tensor.copy_(gain / math.sqrt(i) * _normal(tensor, generator))
