"""Mistake: asks PyTorch, by torch.func, taken before.
Expect: is refused in this question
"""

import torch
import torch.func as tools

pull = vars(tools)["vjp"]


def relu_backward(grad_out, z):
    return pull(torch.relu, z)[1](grad_out)[0]


def sigmoid_backward(grad_out, z):
    return pull(torch.sigmoid, z)[1](grad_out)[0]
