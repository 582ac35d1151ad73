"""Mistake: divides, which makes floats.
Expect: expected two ints, got float
"""

import math


def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        raise ValueError("too few axes")
    n = math.prod(shape)
    return n / shape[0], n / shape[1]
