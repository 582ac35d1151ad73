"""Mistake: asks PyTorch, through a helper.
Expect: is refused in this question
"""

import torch


def slope(f):
    def backward(grad_out, z):
        leaf = z.clone().requires_grad_()
        return torch.autograd.grad(f(leaf), leaf, grad_out)[0]

    return backward


relu_backward, sigmoid_backward = slope(torch.relu), slope(torch.sigmoid)
