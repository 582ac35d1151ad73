"""Mistake: prints in place of returning.
Expect: expected (fan_in, fan_out), got NoneType
"""

import math


def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        raise ValueError("too few axes")
    print(math.prod(shape[1:]), shape[0])
