"""Mistake: leaves the model in train mode.
Expect: a module is in another mode afterwards
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn


def symmetry_gap(model, X, y, lr, steps):
    model.train()
    net = copy.deepcopy(model)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(X), y).backward()
        optimizer.step()
    W = next(m for m in net.modules() if isinstance(m, nn.Linear)).weight.detach()
    return (W.max(0).values - W.min(0).values).max().item()
