"""Mistake: uses its own step.
Expect: the argument h has no effect
"""

import torch


def numerical_gradient(f, x, h=1e-5):
    h = 1e-5
    y = x.detach().double().clone().contiguous()
    grad = torch.zeros_like(y)
    for i in range(y.numel()):
        old = y.view(-1)[i].item()
        y.view(-1)[i] = old + h
        up = float(f(y))
        y.view(-1)[i] = old - h
        down = float(f(y))
        y.view(-1)[i] = old
        grad.view(-1)[i] = (up - down) / (2 * h)
    return grad.to(x.dtype)
