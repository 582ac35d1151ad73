"""Mistake: the mask is taken of the wrong tensor.
Expect: the mask comes from grad_out; it comes from z
"""

import torch


def relu_backward(grad_out, z):
    return grad_out * (grad_out > 0)


def sigmoid_backward(grad_out, z):
    s = torch.sigmoid(z)
    return grad_out * s * (1 - s)
