"""Mistake: torch.func.grad made a function when the cell ran.
Expect: is refused in this question
"""

import torch

relu_slope, sigmoid_slope = (torch.func.vmap(torch.func.grad(f)) for f in (torch.relu, torch.sigmoid))


def relu_backward(grad_out, z):
    return grad_out * relu_slope(z.reshape(-1)).reshape(z.shape)


def sigmoid_backward(grad_out, z):
    return grad_out * sigmoid_slope(z.reshape(-1)).reshape(z.shape)
