"""Mistake: returns a tensor.
Expect: expected a float, got a torch.Tensor
"""

import math

import torch


def gain(nonlinearity, slope=0.01):
    if nonlinearity in ("linear", "sigmoid"):
        return 1.0
    if nonlinearity == "tanh":
        return 5 / 3
    if nonlinearity == "relu":
        return math.sqrt(2)
    if nonlinearity == "leaky_relu":
        return torch.sqrt(torch.tensor(2 / (1 + slope**2)))
    raise ValueError(f"unknown: {nonlinearity}")
