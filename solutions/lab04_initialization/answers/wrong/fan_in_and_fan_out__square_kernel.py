"""Mistake: takes the kernel as square.
Expect: the kernel is taken as square
"""

import math


def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        raise ValueError("too few axes")
    k = shape[2] ** 2 if len(shape) > 2 else 1
    return shape[1] * k, shape[0] * k
