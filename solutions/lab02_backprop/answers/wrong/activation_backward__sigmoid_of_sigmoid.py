"""Mistake: applies the sigmoid twice.
Expect: the sigmoid is taken twice
"""

import torch


def relu_backward(grad_out, z):
    return grad_out * (z > 0)


def sigmoid_backward(grad_out, z):
    s = torch.sigmoid(torch.sigmoid(z))
    return grad_out * s * (1 - s)
