"""Mistake: asks PyTorch.
Expect: is refused in this question
"""

import torch


def dense_backward(grad_out, X, W):
    leaves = [X.clone().requires_grad_(), W.clone().requires_grad_(), torch.zeros(len(W), dtype=W.dtype, requires_grad=True)]
    Z = leaves[0] @ leaves[1].T + leaves[2]
    return torch.autograd.grad(Z, leaves, grad_out)
