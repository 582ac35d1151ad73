"""Mistake: torch.tensor of a list of floats is float32.
Expect: a step on the way rounds to float32
"""

import torch


def numerical_gradient(f, x, h=1e-5):
    y, slopes = x.detach().double(), []
    for e in torch.eye(x.numel(), dtype=torch.float64).reshape(-1, *x.shape):
        slopes.append((float(f(y + h * e)) - float(f(y - h * e))) / (2 * h))
    return torch.tensor(slopes).reshape(x.shape).to(x.dtype)
