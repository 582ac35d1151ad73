"""Built on the functions of question 1, with an argument more for one of them."""

import math

import torch


def tanh(z, with_slope=False):
    value = 2 * torch.sigmoid(2 * z) - 1
    return (value, 1 - value**2) if with_slope else value


def activation_gradient(name, z):
    if name == "tanh":
        return tanh(z, with_slope=True)[1]
    if name == "sigmoid":
        s = (tanh(z / 2) + 1) / 2
        return s * (1 - s)
    positive = z > 0
    if name == "relu":
        return positive.type_as(z)
    if name == "leaky_relu":
        return positive.type_as(z) * 0.99 + 0.01
    if name == "elu":
        return torch.where(positive, torch.ones_like(z), torch.exp(torch.minimum(z, torch.zeros_like(z))))
    if name == "gelu":
        return 0.5 * torch.erfc(-z / math.sqrt(2)) + z * torch.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    names = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu"]
    raise ValueError(f"activation {name!r} is not one of {names}")
