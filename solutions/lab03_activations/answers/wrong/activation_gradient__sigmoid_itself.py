"""Mistake: the value.
Expect: this is sigmoid(z) itself
"""

import math

import torch


def activation_gradient(name, z):
    Phi = (1 + torch.erf(z / math.sqrt(2))) / 2
    density = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    if name == "sigmoid":
        return torch.sigmoid(z)
    if name == "tanh":
        return 1 - torch.tanh(z) ** 2
    if name == "relu":
        return (z > 0).to(z.dtype)
    if name == "leaky_relu":
        return torch.where(z > 0, torch.ones_like(z), 0.01)
    if name == "elu":
        return torch.where(z > 0, torch.ones_like(z), torch.exp(z))
    if name == "gelu":
        return Phi + z * density
    raise ValueError(f"unknown name {name}; known: sigmoid, tanh, relu, leaky_relu, elu, gelu")
