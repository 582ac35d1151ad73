"""Mistake: multiplies by all axes after the first.
Expect: the input channels count in the product
"""

import math


def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        raise ValueError("too few axes")
    k = math.prod(shape[1:]) if len(shape) > 2 else 1
    return shape[1] * k, shape[0] * k
