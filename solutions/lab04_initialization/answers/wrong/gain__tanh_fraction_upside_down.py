"""Mistake: turns 5/3 upside down.
Expect: the gain is turned upside down
"""

import math


def gain(nonlinearity, slope=0.01):
    if nonlinearity in ("linear", "sigmoid"):
        return 1.0
    if nonlinearity == "tanh":
        return 3 / 5
    if nonlinearity == "relu":
        return math.sqrt(2)
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + slope**2))
    raise ValueError(f"unknown: {nonlinearity}")
