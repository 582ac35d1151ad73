"""Mistake: the result keeps float64.
Expect: expected dtype torch.float32, got torch.float64
"""

import torch


def numerical_gradient(f, x, h=1e-5):
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
    return grad
