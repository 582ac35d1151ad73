"""Mistake: takes the shape as (in, out).
Expect: fan_in and fan_out are swapped
"""

import math


def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        raise ValueError("too few axes")
    k = math.prod(shape[2:])
    return shape[0] * k, shape[1] * k
