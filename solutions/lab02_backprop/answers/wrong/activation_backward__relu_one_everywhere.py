"""Mistake: the gradient passes unchanged.
Expect: the slope is 1 everywhere
"""

import torch


def relu_backward(grad_out, z):
    return grad_out.clone()


def sigmoid_backward(grad_out, z):
    s = torch.sigmoid(z)
    return grad_out * s * (1 - s)
