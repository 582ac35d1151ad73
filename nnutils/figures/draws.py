"""Random numbers that the page and Python draw alike, to the last bit: the generator mulberry32, as in ``draws.js``.

It makes whole numbers below 2^32; what is made of them here are exact sums and divisions by powers of two.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["nearly_normal", "normals", "uniforms", "whole_numbers"]

_MASK = np.uint64(0xFFFFFFFF)


def whole_numbers(seed: int, count: int, *, skip: int = 0) -> NDArray[np.uint64]:
    """Return ``count`` whole numbers below 2^32 of a seed, after the first ``skip`` ones.

    Examples
    --------
    >>> whole_numbers(0, 2).tolist()
    [1144304738, 1416247]
    >>> whole_numbers(0, 1, skip=1).tolist()
    [1416247]
    """
    turns = np.arange(skip + 1, skip + count + 1, dtype=np.uint64)
    state = (np.uint64(seed & 0xFFFFFFFF) + turns * np.uint64(0x6D2B79F5)) & _MASK
    t = (state ^ (state >> np.uint64(15))) * (state | np.uint64(1)) & _MASK
    t ^= t + ((t ^ (t >> np.uint64(7))) * (t | np.uint64(61)) & _MASK) & _MASK
    return t ^ (t >> np.uint64(14))


def uniforms(numbers: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return the numbers as fractions of 2^32, from 0 to below 1.

    Examples
    --------
    >>> uniforms(np.array([2**31], dtype=np.uint64)).tolist()
    [0.5]
    """
    return numbers / 2.0**32


def normals(numbers: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return one nearly normal number for each 12 numbers: their sum as fractions of 2^32, less 6.

    Examples
    --------
    >>> normals(np.full(24, 2**31, dtype=np.uint64)).tolist()
    [0.0, 0.0]
    """
    return numbers.reshape(-1, 12).sum(1) / 2.0**32 - 6


def nearly_normal(seed: int, count: int) -> Tensor:
    """Return the first ``count`` nearly normal numbers of a seed, float64: mean 0, standard deviation 1, none beyond 6.

    Examples
    --------
    >>> numbers = nearly_normal(0, 1000)
    >>> numbers.shape, bool(abs(numbers.mean()) < 0.1), bool(abs(numbers.std() - 1) < 0.1)
    (torch.Size([1000]), True, True)
    """
    return torch.from_numpy(normals(whole_numbers(seed, 12 * count)))
