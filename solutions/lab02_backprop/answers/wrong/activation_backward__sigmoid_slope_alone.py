"""Mistake: forgets what comes from above.
Expect: this is the slope alone; multiply it by grad_out
"""

import torch


def relu_backward(grad_out, z):
    return grad_out * (z > 0)


def sigmoid_backward(grad_out, z):
    s = torch.sigmoid(z)
    return s * (1 - s)
