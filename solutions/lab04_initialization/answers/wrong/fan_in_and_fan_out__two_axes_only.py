"""Mistake: unpacks two kernel axes.
Expect: your code raised ValueError: not enough values to unpack
"""

import math


def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        raise ValueError("too few axes")
    if len(shape) == 2:
        return shape[1], shape[0]
    o, i, h, w = shape
    return i * h * w, o * h * w
