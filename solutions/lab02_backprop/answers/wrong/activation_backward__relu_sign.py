"""Mistake: slope -1 on the left.
Expect: negative z have slope -1
"""

import torch


def relu_backward(grad_out, z):
    return grad_out * torch.sign(z)


def sigmoid_backward(grad_out, z):
    s = torch.sigmoid(z)
    return grad_out * s * (1 - s)
