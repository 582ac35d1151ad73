"""Mistake: moves x itself and puts it back by adding h.
Expect: the input was changed in place
"""

import torch


def numerical_gradient(f, x, h=1e-5):
    grad = torch.zeros(x.shape, dtype=torch.float64)
    for index in torch.cartesian_prod(*map(torch.arange, x.shape)).reshape(x.numel(), x.dim()).tolist() if x.dim() else [()]:
        index = tuple(index)
        x[index] += h
        up = float(f(x.double()))
        x[index] -= 2 * h
        down = float(f(x.double()))
        x[index] += h
        grad[index] = (up - down) / (2 * h)
    return grad.to(x.dtype)
