"""Mistake: returns the square of the gain of ReLU.
Expect: this is its square; take the root
"""

import math


def gain(nonlinearity, slope=0.01):
    if nonlinearity in ("linear", "sigmoid"):
        return 1.0
    if nonlinearity == "tanh":
        return 5 / 3
    if nonlinearity == "relu":
        return 2.0
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + slope**2))
    raise ValueError(f"unknown: {nonlinearity}")
