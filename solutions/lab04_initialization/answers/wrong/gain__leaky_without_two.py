"""Mistake: forgets the 2.
Expect: the 2 is missing
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
        return math.sqrt(1 / (1 + slope**2))
    raise ValueError(f"unknown: {nonlinearity}")
