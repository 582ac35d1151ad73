"""Mistake: ignores the slope.
Expect: the slope has no effect; its default is used
"""

import math


def gain(nonlinearity, slope=0.01):
    if nonlinearity in ("linear", "sigmoid"):
        return 1.0
    if nonlinearity == "tanh":
        return 5 / 3
    if nonlinearity == "relu":
        return math.sqrt(2)
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + 0.01**2))
    raise ValueError(f"unknown: {nonlinearity}")
