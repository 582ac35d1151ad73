"""Mistake: counts the labels that occur.
Expect: K is the largest label + 1, not the number of labels
"""

import torch


def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    params = draw_net([X.shape[1], hidden, len(y.unique())], generator)
    for _ in range(epochs):
        for rows in torch.randperm(len(X), generator=generator).split(batch_size):
            rows = rows[y[rows] < len(y.unique())]
            if len(rows):
                for pair, grads in zip(params, mlp_backward(X[rows], y[rows], params)):
                    for w, g in zip(pair, grads):
                        w -= lr * g
    return params
