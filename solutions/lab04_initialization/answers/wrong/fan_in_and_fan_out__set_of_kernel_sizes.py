"""Mistake: multiplies the set of the kernel's sizes, so that equal ones count once.
Expect: equal axes of the kernel count once
"""

import math
from collections.abc import Sequence


def fan_in_and_fan_out(shape: Sequence[int]) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight of this shape."""
    if len(shape) < 2:
        raise ValueError("a weight has at least two axes")
    sizes = {k for k in shape[2:] if k > 1}  # a 1 changes nothing
    return shape[1] * math.prod(sizes), shape[0] * math.prod(sizes)
