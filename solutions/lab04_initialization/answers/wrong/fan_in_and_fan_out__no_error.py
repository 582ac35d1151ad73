"""Mistake: answers for a bias, too.
Expect: expected a ValueError, got a result
"""

import math


def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        return 1, 1
    k = math.prod(shape[2:])
    return shape[1] * k, shape[0] * k
