"""Mistake: the biases stay where they are.
Expect: the biases have not moved
"""

import torch


def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    D, K = X.shape[1], int(y.max()) + 1
    params = [
        (torch.randn(hidden, D, generator=generator) * (2 / D) ** 0.5, torch.zeros(hidden)),
        (torch.randn(K, hidden, generator=generator) * (2 / hidden) ** 0.5, torch.zeros(K)),
    ]
    for _ in range(epochs):
        order = torch.randperm(len(X), generator=generator)
        for start in range(0, len(X), batch_size):
            rows = order[start : start + batch_size]
            grads = mlp_backward(X[rows], y[rows], params)
            params = [(W - lr * gW, b) for (W, b), (gW, gb) in zip(params, grads)]
    return params
