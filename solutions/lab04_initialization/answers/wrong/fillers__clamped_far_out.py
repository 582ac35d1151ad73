"""Mistake: cuts normal numbers off at 3.5 standard deviations.
Expect: the distribution is not
"""

import math

import torch
from torch import Tensor


def _fill(tensor: Tensor, law: str, std: float, generator: torch.Generator | None) -> Tensor:
    a = math.sqrt(3) * std
    with torch.no_grad():
        if law == "uniform":
            return tensor.uniform_(-a, a, generator=generator)
        return tensor.normal_(0, std, generator=generator).clamp_(-3.5 * std, 3.5 * std)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    """Fill with uniform numbers of standard deviation gain * sqrt(2 / (fan_in + fan_out)); return the tensor."""
    return _fill(tensor, "uniform", gain * math.sqrt(2 / sum(fan_in_and_fan_out(tensor.shape))), generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    """Fill with normal numbers of standard deviation gain * sqrt(2 / (fan_in + fan_out)); return the tensor."""
    return _fill(tensor, "normal", gain * math.sqrt(2 / sum(fan_in_and_fan_out(tensor.shape))), generator)


def he_uniform_(tensor: Tensor, gain: float = 2**0.5, generator: torch.Generator | None = None) -> Tensor:
    """Fill with uniform numbers of standard deviation gain / sqrt(fan_in); return the tensor."""
    return _fill(tensor, "uniform", gain / math.sqrt(fan_in_and_fan_out(tensor.shape)[0]), generator)


def he_normal_(tensor: Tensor, gain: float = 2**0.5, generator: torch.Generator | None = None) -> Tensor:
    """Fill with normal numbers of standard deviation gain / sqrt(fan_in); return the tensor."""
    return _fill(tensor, "normal", gain / math.sqrt(fan_in_and_fan_out(tensor.shape)[0]), generator)
