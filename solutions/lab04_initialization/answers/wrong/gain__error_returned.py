"""Mistake: returns the error.
Expect: expected a ValueError, got one that is returned; use raise
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
        return math.sqrt(2 / (1 + slope**2))
    return ValueError(f"unknown nonlinearity {nonlinearity!r}")
