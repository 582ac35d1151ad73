"""Mistake: takes every name that holds "leaky".
Expect: gain of an unknown name: expected a ValueError, got a result
"""

import math


def gain(nonlinearity, slope=0.01):
    if nonlinearity in ("linear", "sigmoid"):
        return 1.0
    if nonlinearity == "tanh":
        return 5 / 3
    if nonlinearity == "relu":
        return math.sqrt(2)
    if "leaky" in nonlinearity:
        return math.sqrt(2 / (1 + slope**2))
    raise ValueError(f"unknown nonlinearity {nonlinearity!r}")
