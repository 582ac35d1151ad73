"""Mistake: lets a short shape raise what it will.
Expect: expected a ValueError, got IndexError
"""

import math


def fan_in_and_fan_out(shape):
    k = math.prod(shape[2:])
    return shape[1] * k, shape[0] * k
