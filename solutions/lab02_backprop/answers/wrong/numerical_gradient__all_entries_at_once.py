"""Mistake: moves the whole tensor.
Expect: all entries are moved at once
"""

import torch


def numerical_gradient(f, x, h=1e-5):
    y = x.detach().double()
    return torch.full_like(x, (float(f(y + h)) - float(f(y - h))) / (2 * h))
