"""Mistake: multiplies in float32, which is not exact beyond 2^24.
Expect: of a dense layer with many millions of weights: wrong numbers
"""

from collections.abc import Sequence

import torch


def fan_in_and_fan_out(shape: Sequence[int]) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight of this shape."""
    if len(shape) < 2:
        raise ValueError("a weight has at least two axes")
    sizes = torch.tensor(list(shape), dtype=torch.float32)
    entries = float(sizes.prod())
    return int(entries / shape[0]), int(entries / shape[1])
