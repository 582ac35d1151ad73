"""Mistake: one-sided difference.
Expect: this is the forward difference
"""

import torch


def numerical_gradient(f, x, h=1e-5):
    y = x.detach().double().clone().contiguous()
    grad, at = torch.zeros_like(y), float(f(y))
    for i in range(y.numel()):
        old = y.view(-1)[i].item()
        y.view(-1)[i] = old + h
        grad.view(-1)[i] = (float(f(y)) - at) / h
        y.view(-1)[i] = old
    return grad.to(x.dtype)
