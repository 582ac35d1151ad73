"""Mistake: asserts in place of raising a ValueError.
Expect: expected a ValueError, got AssertionError
"""

import math


def fan_in_and_fan_out(shape):
    assert len(shape) > 1
    k = math.prod(shape[2:])
    return shape[1] * k, shape[0] * k
