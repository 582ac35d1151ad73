"""Mistake: counts three axes of the kernel at most.
Expect: only three axes of the kernel count
"""

import math


def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        raise ValueError("fewer than two axes")
    k = math.prod(shape[2:5])
    return shape[1] * k, shape[0] * k
