"""Mistake: takes the slope for its square.
Expect: the slope is not squared
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
        return math.sqrt(2 / (1 + abs(slope)))
    raise ValueError(f"unknown: {nonlinearity}")
