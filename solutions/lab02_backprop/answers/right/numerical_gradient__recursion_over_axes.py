"""Recursion over the axes, a copy for each evaluation, an optional argument more."""

import torch


def numerical_gradient(f, x, h=1e-5, dtype=torch.float64):
    grad = torch.zeros(x.shape, dtype=dtype)

    def go(index):
        if len(index) < x.dim():
            for i in range(x.shape[len(index)]):
                go((*index, i))
            return
        values = []
        for sign in (1.0, -1.0):
            y = x.detach().to(dtype).clone()
            y[index] = y[index] + sign * h
            values.append(torch.as_tensor(f(y), dtype=dtype))
        grad[index] = (values[0] - values[1]) / 2 / h

    go(())
    return grad.to(x)
