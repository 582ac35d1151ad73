"""Mistake: starts from a float32 zero, so that float16 tensors give a float32 result.
Expect: of float16 tensors: expected dtype
"""

from collections.abc import Iterable

import torch
from torch import Tensor


def l1_penalty(parameters: Iterable[Tensor]) -> Tensor:
    total = torch.zeros(())
    for t in parameters:
        total = total + t.abs().sum()
    return total


def l2_penalty(parameters: Iterable[Tensor]) -> Tensor:
    total = torch.zeros(())
    for t in parameters:
        total = total + (t * t).sum()
    return total
