"""Mistake: makes up for the slope 1/4 of the sigmoid.
Expect: wrong number
"""

import math


def gain(nonlinearity, slope=0.01):
    if nonlinearity in ("linear",):
        return 1.0
    if nonlinearity == "sigmoid":
        return 4.0
    if nonlinearity == "tanh":
        return 5 / 3
    if nonlinearity == "relu":
        return math.sqrt(2)
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + slope**2))
    raise ValueError(f"unknown: {nonlinearity}")
