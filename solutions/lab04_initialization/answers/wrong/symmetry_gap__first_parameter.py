"""Mistake: takes the first parameter of the model.
Expect: this is the first parameter of the model; take the weight of the first nn.Linear
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
    W = next(net.parameters()).detach()
    return (W.max(0).values - W.min(0).values).max().item()
