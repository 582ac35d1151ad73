"""Mistake: takes both fans for He.
Expect: this takes fan_in + fan_out; He takes fan_in alone
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
        return tensor.uniform_(-a, a, generator=generator)


def xavier_normal_(tensor, gain=1.0, generator=None):
    i, o = _fans(tensor)
    std = gain * math.sqrt(2 / (i + o))
    with torch.no_grad():
        return tensor.normal_(0, std, generator=generator)


def he_uniform_(tensor, gain=2**0.5, generator=None):
    i, o = _fans(tensor)
    a = gain * math.sqrt(3 / i)
    with torch.no_grad():
        return tensor.uniform_(-a, a, generator=generator)


def he_normal_(tensor, gain=2**0.5, generator=None):
    i, o = _fans(tensor)
    std = gain * math.sqrt(2 / (i + o))
    with torch.no_grad():
        return tensor.normal_(0, std, generator=generator)
