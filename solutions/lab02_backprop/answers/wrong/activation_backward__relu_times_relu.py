"""Mistake: multiplies by the activation.
Expect: grad_out is multiplied by relu(z)
"""

import torch


def relu_backward(grad_out, z):
    return grad_out * torch.relu(z)


def sigmoid_backward(grad_out, z):
    s = torch.sigmoid(z)
    return grad_out * s * (1 - s)
