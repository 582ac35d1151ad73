"""Mistake: z is cut so that exp stays small.
Expect: wrong value
"""

import torch


def relu_backward(grad_out, z):
    return grad_out * (z > 0)


def sigmoid_backward(grad_out, z):
    z = z.clamp(-10, 10)
    s = 1 / (1 + torch.exp(-z))
    return grad_out * s * (1 - s)
