"""NumPy inside; the bias gradient by ones."""

import numpy as np
import torch


def dense_backward(grad_out, X, W):
    g, x, w = (np.asarray(t.detach()) for t in (grad_out, X, W))
    print("dense backward", g.shape)
    gb = np.ones(len(g), dtype=g.dtype) @ g
    return torch.tensor(g @ w), torch.tensor(g.T @ x), torch.tensor(gb)
