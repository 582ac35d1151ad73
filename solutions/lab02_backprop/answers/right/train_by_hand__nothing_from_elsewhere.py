"""Own gradients for two layers, Xavier start, slices of shuffled copies, prints each epoch."""

import torch


def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    N, D = X.shape
    K = y.max().item() + 1
    W1 = torch.randn(hidden, D, generator=generator) * (2 / (D + hidden)) ** 0.5
    W2 = torch.randn(K, hidden, generator=generator) * (2 / (K + hidden)) ** 0.5
    b1, b2 = torch.zeros(hidden), torch.zeros(K)
    for epoch in range(epochs):
        order = torch.randperm(N, generator=generator)
        Xs, ys = X[order], y[order]
        for start in range(0, N, batch_size):
            x, t = Xs[start : start + batch_size], ys[start : start + batch_size]
            z = x @ W1.T + b1
            a = z.clamp(min=0)
            g = torch.softmax(a @ W2.T + b2, 1)
            g[torch.arange(len(t)), t] -= 1
            g = g / len(t)
            h = (g @ W2) * (z > 0)
            W2, b2 = W2 - lr * g.T @ a, b2 - lr * g.sum(0)
            W1, b1 = W1 - lr * h.T @ x, b1 - lr * h.sum(0)
        print("epoch", epoch)
    return [(W1, b1), (W2, b2)]
