"""Mistake: each entry stays where it was moved.
Expect: an entry is not put back
"""

import torch


def numerical_gradient(f, x, h=1e-5):
    y = x.detach().double().clone().contiguous()
    grad = torch.zeros_like(y)
    for i in range(y.numel()):
        y.view(-1)[i] += h
        up = float(f(y))
        y.view(-1)[i] -= 2 * h
        grad.view(-1)[i] = (up - float(f(y))) / (2 * h)
    return grad.to(x.dtype)
