"""Mistake: takes every name that ends in relu for ReLU.
Expect: of an unknown name: expected a ValueError
"""

import math


def gain(nonlinearity: str, slope: float = 0.01) -> float:
    """Return the gain of "linear", "sigmoid", "tanh", "relu" or "leaky_relu"; another name: ValueError."""
    if nonlinearity in ("linear", "sigmoid"):
        return 1.0
    if nonlinearity == "tanh":
        return 5 / 3
    if nonlinearity.endswith("relu"):
        s = slope if nonlinearity.startswith("leaky") else 0.0
        return math.sqrt(2 / (1 + s * s))
    raise ValueError(nonlinearity)
