"""Mistake: relu(z) / z is 0/0 at 0.
Expect: entries are inf or nan
"""

import torch


def relu_backward(grad_out, z):
    return grad_out * torch.relu(z) / z


def sigmoid_backward(grad_out, z):
    s = torch.sigmoid(z)
    return grad_out * s * (1 - s)
