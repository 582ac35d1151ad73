"""Mistake: returns the error.
Expect: expected a ValueError, got one that is returned; use raise
"""

import math


def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        return ValueError("fewer than two axes")
    k = math.prod(shape[2:])
    return shape[1] * k, shape[0] * k
