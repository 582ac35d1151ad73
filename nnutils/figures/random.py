"""Random numbers that the page and Python draw alike, to the last bit."""

import numpy as np
import torch
from torch import Tensor

__all__ = ["nearly_normal"]


def nearly_normal(seed: int, count: int) -> Tensor:
    """Return ``count`` nearly normal numbers, float64: mean 0, standard deviation 1, none beyond 6.

    Each is the sum of 12 uniform numbers less 6, drawn by the generator mulberry32: integers and exact sums only, so
    that ``random.js`` gets the same bits.

    Examples
    --------
    >>> numbers = nearly_normal(0, 1000)
    >>> numbers.shape, bool(abs(numbers.mean()) < 0.1), bool(abs(numbers.std() - 1) < 0.1)
    (torch.Size([1000]), True, True)
    """
    steps = np.arange(1, 12 * count + 1, dtype=np.uint64)
    state = (np.uint64(seed & 0xFFFFFFFF) + steps * np.uint64(0x6D2B79F5)).astype(np.uint32)  # the low 32 bits
    t = (state ^ (state >> np.uint32(15))) * (state | np.uint32(1))
    t ^= t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61))
    t ^= t >> np.uint32(14)
    return torch.from_numpy(t.astype(np.float64).reshape(count, 12).sum(1) / 2**32 - 6)
