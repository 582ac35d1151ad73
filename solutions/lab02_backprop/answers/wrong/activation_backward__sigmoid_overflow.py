"""Mistake: exp(-z) overflows on the left.
Expect: exp(-z) overflows where z is very negative
"""

import torch


def relu_backward(grad_out, z):
    return grad_out * (z > 0)


def sigmoid_backward(grad_out, z):
    e = torch.exp(-z)
    return grad_out * e / (1 + e) ** 2
