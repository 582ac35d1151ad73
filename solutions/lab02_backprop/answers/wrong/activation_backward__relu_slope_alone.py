"""Mistake: forgets what comes from above.
Expect: this is the slope alone; multiply it by grad_out
"""

import torch


def relu_backward(grad_out, z):
    return (z > 0).to(z.dtype)


def sigmoid_backward(grad_out, z):
    s = torch.sigmoid(z)
    return grad_out * s * (1 - s)
