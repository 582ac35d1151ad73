"""Mistake: forgets the kernel.
Expect: the kernel is not counted
"""

import math


def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        raise ValueError("too few axes")
    return shape[1], shape[0]
