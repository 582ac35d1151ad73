"""Mistake: uses momentum.
Expect: this is a descent with momentum; take plain steps
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn


def symmetry_gap(model, X, y, lr, steps):
    net = copy.deepcopy(model)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    for _ in range(steps):
        net.zero_grad()
        loss = F.cross_entropy(net(X), y)
        loss.backward()
        optimizer.step()
    layers = [m for m in net.modules() if isinstance(m, nn.Linear)]
    W = layers[0].weight.detach()
    return (W.max(0).values - W.min(0).values).max().item()
