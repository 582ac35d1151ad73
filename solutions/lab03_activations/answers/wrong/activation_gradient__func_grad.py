"""Mistake: asks torch.func, through a helper.
Expect: is refused in this question
"""

import torch
import torch.func as tools
import torch.nn.functional as F

FUNCTIONS = {name: getattr(F, name) for name in ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu")}


def total(name):
    return lambda z: FUNCTIONS[name](z).sum()


def activation_gradient(name, z):
    if name not in FUNCTIONS:
        raise ValueError(f"known: {list(FUNCTIONS)}")
    return vars(tools)["grad"](total(name))(z)
