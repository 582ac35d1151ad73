"""NumPy throughout; its generator starts from a number drawn from the given one."""

import numpy as np
import torch


def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    rng = np.random.default_rng(torch.randint(2**40, (1,), generator=generator).item())
    A, t = np.array(X), np.array(y)
    K = t.max() + 1
    W1 = rng.normal(size=(hidden, A.shape[1])) * np.sqrt(2 / A.shape[1])
    W2 = rng.normal(size=(K, hidden)) * np.sqrt(2 / hidden)
    b1, b2 = np.zeros(hidden), np.zeros(K)
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(len(A)), range(batch_size, len(A), batch_size)):
            x, z = A[rows], A[rows] @ W1.T + b1
            h = np.maximum(z, 0)
            o = h @ W2.T + b2
            p = np.exp(o - o.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            p[np.arange(len(rows)), t[rows]] -= 1
            p /= len(rows)
            q = p @ W2 * (z > 0)
            for w, g in ((W1, q.T @ x), (b1, q.sum(0)), (W2, p.T @ h), (b2, p.sum(0))):
                w -= lr * g
    tensors = [torch.tensor(w, dtype=torch.float32) for w in (W1, b1, W2, b2)]
    return [tuple(tensors[:2]), tuple(tensors[2:])]
