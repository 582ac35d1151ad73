"""NumPy indices, and a progress bar on stderr."""

import sys

import numpy as np
import torch


def numerical_gradient(f, x, h=1e-5):
    grad = np.zeros(tuple(x.shape))
    at = x.detach().cpu().numpy().astype(np.float64)
    for count, index in enumerate(np.ndindex(*at.shape)):
        print(f"\r{count} of {at.size}", end="", file=sys.stderr)
        up, down = at.copy(), at.copy()
        up[index] += h
        down[index] -= h
        grad[index] = (float(f(torch.from_numpy(up))) - float(f(torch.from_numpy(down)))) / (2 * h)
    return torch.as_tensor(grad).to(x.dtype)
