"""Mistake: zeroes what came from above in place.
Expect: grad_out: the input was changed in place
"""

import torch


def relu_backward(grad_out, z):
    grad_out[z <= 0] = 0
    return grad_out


def sigmoid_backward(grad_out, z):
    s = torch.sigmoid(z)
    return grad_out * s * (1 - s)
