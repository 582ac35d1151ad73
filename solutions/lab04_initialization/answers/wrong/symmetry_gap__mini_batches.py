"""Mistake: takes steps on mini-batches.
Expect: with 70 rows of X: wrong value
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn


def symmetry_gap(model, X, y, lr, steps):
    net = copy.deepcopy(model)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    for _ in range(steps):
        for rows in torch.arange(len(X)).split(32):
            optimizer.zero_grad()
            F.cross_entropy(net(X[rows]), y[rows]).backward()
            optimizer.step()
    W = next(m for m in net.modules() if isinstance(m, nn.Linear)).weight.detach()
    return (W.max(0).values - W.min(0).values).max().item()
