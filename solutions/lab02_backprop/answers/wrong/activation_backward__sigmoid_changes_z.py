"""Mistake: computes the sigmoid in place.
Expect: z: the input was changed in place
"""

import torch


def relu_backward(grad_out, z):
    return grad_out * (z > 0)


def sigmoid_backward(grad_out, z):
    s = z.sigmoid_()
    return grad_out * s * (1 - s)
