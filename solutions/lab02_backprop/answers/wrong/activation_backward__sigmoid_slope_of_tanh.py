"""Mistake: 1 - s^2 is the slope of tanh.
Expect: this is the slope of tanh
"""

import torch


def relu_backward(grad_out, z):
    return grad_out * (z > 0)


def sigmoid_backward(grad_out, z):
    return grad_out * (1 - torch.sigmoid(z) ** 2)
