"""Mistake: differentiates PyTorch's loss.
Expect: is refused in this question
"""

import torch


def mlp_backward(X, targets, params):
    leaves = [(W.clone().requires_grad_(), b.clone().requires_grad_()) for W, b in params]
    loss_of(X, targets, leaves).backward()
    return [(W.grad, b.grad) for W, b in leaves]
