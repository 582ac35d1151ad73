"""Mistake: asks autograd.
Expect: is refused in this question
"""

import torch
import torch.nn.functional as F


def activation_gradient(name, z):
    if name not in ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu"):
        raise ValueError("known: sigmoid, tanh, relu, leaky_relu, elu, gelu")
    leaf = z.clone().requires_grad_()
    getattr(F, name)(leaf).sum().backward()
    return leaf.grad
