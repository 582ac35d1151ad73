"""Mistake: returns the mask as booleans.
Expect: expected dtype torch.float64, got torch.bool
"""

import torch


def relu_backward(grad_out, z):
    return z > 0


def sigmoid_backward(grad_out, z):
    s = torch.sigmoid(z)
    return grad_out * s * (1 - s)
