"""Mistake: all weights start at zero.
Expect: starts at zero
"""

import torch


def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    D, K = X.shape[1], int(y.max()) + 1
    params = [
        (torch.zeros(hidden, D), torch.zeros(hidden)),
        (torch.zeros(K, hidden), torch.zeros(K)),
    ]
    for _ in range(epochs):
        order = torch.randperm(len(X), generator=generator)
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            grads = mlp_backward(X[rows], y[rows], params)
            params = [(W - lr * gW, b - lr * gb) for (W, b), (gW, gb) in zip(params, grads)]
    return params
