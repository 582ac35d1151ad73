"""Mistake: takes z for the output.
Expect: this is z (1 - z); z is the input of the activation
"""

import torch


def relu_backward(grad_out, z):
    return grad_out * (z > 0)


def sigmoid_backward(grad_out, z):
    return grad_out * z * (1 - z)
