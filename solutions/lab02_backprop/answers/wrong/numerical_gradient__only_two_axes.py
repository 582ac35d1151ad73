"""Mistake: indexes with rows and columns.
Expect: any number of axes
"""

import torch


def numerical_gradient(f, x, h=1e-5):
    y, grad = x.detach().double(), torch.zeros(x.shape, dtype=torch.float64)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            e = torch.zeros_like(y)
            e[i, j] = h
            grad[i, j] = (float(f(y + e)) - float(f(y - e))) / (2 * h)
    return grad.to(x.dtype)
