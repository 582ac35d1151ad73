"""Mistake: gives ReLU a slope, too.
Expect: only leaky_relu has a slope
"""

import math


def gain(nonlinearity, slope=0.01):
    if nonlinearity in ("linear", "sigmoid"):
        return 1.0
    if nonlinearity == "tanh":
        return 5 / 3
    if nonlinearity in ("relu", "leaky_relu"):
        return math.sqrt(2 / (1 + slope**2))
    raise ValueError(f"unknown: {nonlinearity}")
