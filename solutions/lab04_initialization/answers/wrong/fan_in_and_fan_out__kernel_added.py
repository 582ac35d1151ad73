"""Mistake: adds the kernel.
Expect: the kernel is added; multiply by it
"""

import math


def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        raise ValueError("too few axes")
    k = math.prod(shape[2:]) if len(shape) > 2 else 0
    return shape[1] + k, shape[0] + k
