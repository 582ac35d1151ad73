"""Mistake: >= in place of >.
Expect: the slope at 0 is 1; it is 0
"""

import torch


def relu_backward(grad_out, z):
    return grad_out * (z >= 0)


def sigmoid_backward(grad_out, z):
    s = torch.sigmoid(z)
    return grad_out * s * (1 - s)
