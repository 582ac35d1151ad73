"""Mistake: loops over the first axis.
Expect: x without axes
"""

import torch


def numerical_gradient(f, x, h=1e-5):
    y, grad = x.detach().double(), torch.zeros(x.shape, dtype=torch.float64)
    for index in torch.nonzero(torch.ones(len(x), *x.shape[1:])):
        e = torch.zeros_like(y)
        e[tuple(index)] = h
        grad[tuple(index)] = (float(f(y + e)) - float(f(y - e))) / (2 * h)
    return grad.to(x.dtype)
