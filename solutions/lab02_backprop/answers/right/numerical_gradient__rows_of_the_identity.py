"""One column of the identity for each entry; a helper under another name."""

import torch


def slope(f, x, direction, h):
    return (float(f(x + h * direction)) - float(f(x - h * direction))) / (2 * h)


def numerical_gradient(f, x, h=1e-5):
    at = x.detach().double()
    directions = torch.eye(x.numel(), dtype=torch.float64).reshape(x.numel(), *x.shape)
    return torch.tensor([slope(f, at, e, h) for e in directions], dtype=x.dtype).reshape(x.shape)
