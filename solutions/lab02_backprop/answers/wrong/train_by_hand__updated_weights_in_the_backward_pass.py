"""Mistake: W2 has moved when the gradient goes back through it.
Expect: W2 is updated before the gradient of the first layer is computed
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
            (W1, b1), (W2, b2) = params
            z = X[rows] @ W1.T + b1
            h = torch.relu(z)
            g = torch.softmax(h @ W2.T + b2, 1)
            g[range(len(rows)), y[rows]] -= 1
            g /= len(rows)
            W2, b2 = W2 - lr * g.T @ h, b2 - lr * g.sum(0)
            g = (g @ W2) * (z > 0)
            params = [(W1 - lr * g.T @ X[rows], b1 - lr * g.sum(0)), (W2, b2)]
    return params
