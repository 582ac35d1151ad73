"""Mistake: fills a flattened copy.
Expect: some entries were not filled; view and reshape(-1) may be copies
"""

import math

import torch


def _fans(tensor):
    k = math.prod(tensor.shape[2:])
    return tensor.shape[1] * k, tensor.shape[0] * k


def xavier_uniform_(tensor, gain=1.0, generator=None):
    i, o = _fans(tensor)
    a = gain * math.sqrt(6 / (i + o))
    with torch.no_grad():
        flat = tensor.reshape(-1).uniform_(-a, a, generator=generator)
        tensor[:1] = flat.reshape(tensor.shape)[:1]
        return tensor


def xavier_normal_(tensor, gain=1.0, generator=None):
    i, o = _fans(tensor)
    std = gain * math.sqrt(2 / (i + o))
    with torch.no_grad():
        return tensor.normal_(0, std, generator=generator)


def he_uniform_(tensor, gain=2**0.5, generator=None):
    i, o = _fans(tensor)
    a = gain * math.sqrt(3 / i)
    with torch.no_grad():
        flat = tensor.reshape(-1).uniform_(-a, a, generator=generator)
        tensor[:1] = flat.reshape(tensor.shape)[:1]
        return tensor


def he_normal_(tensor, gain=2**0.5, generator=None):
    i, o = _fans(tensor)
    std = gain / math.sqrt(i)
    with torch.no_grad():
        return tensor.normal_(0, std, generator=generator)
