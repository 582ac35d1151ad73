"""Mistake: f is called with a vector.
Expect: f was called with other shapes
"""

import torch


def numerical_gradient(f, x, h=1e-5):
    y = x.detach().double().flatten()
    steps = torch.eye(len(y), dtype=torch.float64) * h
    return torch.tensor([(float(f(y + e)) - float(f(y - e))) / (2 * h) for e in steps], dtype=x.dtype).reshape(x.shape)
