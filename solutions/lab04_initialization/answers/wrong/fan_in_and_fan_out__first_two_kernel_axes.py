"""Mistake: multiplies two axes of the kernel only.
Expect: only two axes of the kernel count
"""

import math


def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        raise ValueError("too few axes")
    k = 1
    for n in shape[2:4]:
        k *= n
    return shape[1] * k, shape[0] * k
