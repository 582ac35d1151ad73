"""Mistake: takes leaky ReLU for ReLU.
Expect: this is the gain of ReLU; the slope counts
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
        return math.sqrt(2)
    raise ValueError(f"unknown: {nonlinearity}")
