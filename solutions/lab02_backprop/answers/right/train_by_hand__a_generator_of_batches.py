"""A generator of batches, float64 inside, uniform start, orders drawn before the weights."""

import torch


def batches(orders, size):
    for order in orders:
        yield from (order[i : i + size] for i in range(0, len(order), size))


def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    orders = [torch.randperm(len(X), generator=generator) for _ in range(epochs)]
    sizes = (X.shape[1], hidden, int(y.max()) + 1)
    theta = []
    for m, n in zip(sizes[:-1], sizes[1:]):
        W = (torch.rand(n, m, generator=generator, dtype=torch.float64) * 2 - 1) / m**0.5
        theta.append((W, torch.zeros(n, dtype=torch.float64)))
    for rows in batches(orders, batch_size):
        grads = mlp_backward(X[rows].double(), y[rows], theta)
        theta = [(W - lr * gW, b - lr * gb) for (W, b), (gW, gb) in zip(theta, grads)]
    return tuple((W.float(), b.float()) for W, b in theta)
