"""Mistake: 1 - sigmoid(z) is forgotten.
Expect: the slope is sigmoid(z) (1 - sigmoid(z))
"""

import torch


def relu_backward(grad_out, z):
    return grad_out * (z > 0)


def sigmoid_backward(grad_out, z):
    return grad_out * torch.sigmoid(z)
