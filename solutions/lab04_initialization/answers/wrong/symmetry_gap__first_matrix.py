"""Mistake: takes the first parameter with two axes.
Expect: of a net that begins with a convolution: wrong value
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn


def symmetry_gap(model, X, y, lr, steps):
    net = copy.deepcopy(model)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(X), y).backward()
        optimizer.step()
    W = next(w for w in net.parameters() if w.ndim == 2).detach()
    return (W.max(0).values - W.min(0).values).max().item()
