"""Mistake: asks PyTorch.
Expect: torch.nn.init is refused in this question
"""

import torch
from torch import nn


def fan_in_and_fan_out(shape):
    return nn.init._calculate_fan_in_and_fan_out(torch.empty(tuple(shape)))
