"""Mistake: multiplies fan_in alone by the kernel.
Expect: the kernel is counted in fan_in only
"""

import math


def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        raise ValueError("too few axes")
    return math.prod(shape[1:]), shape[0]
