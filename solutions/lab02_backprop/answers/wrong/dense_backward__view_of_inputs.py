"""Mistake: view needs contiguous entries.
Expect: inputs need not be contiguous
"""

import torch


def dense_backward(grad_out, X, W):
    D = X.shape[1]
    flat = X.view(-1)
    columns = [grad_out.T @ flat[d::D] for d in range(D)]
    return grad_out @ W, torch.stack(columns, 1), grad_out.sum(0)
