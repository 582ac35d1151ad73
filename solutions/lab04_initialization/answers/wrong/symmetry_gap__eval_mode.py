"""Mistake: leaves the model in another mode.
Expect: a module is in another mode afterwards
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn


def symmetry_gap(model, X, y, lr, steps):
    model.eval()
    net = copy.deepcopy(model)
    for _ in range(steps):
        net.zero_grad()
        loss = F.cross_entropy(net(X), y)
        loss.backward()
        with torch.no_grad():
            for w in net.parameters():
                w -= lr * w.grad
    layers = [m for m in net.modules() if isinstance(m, nn.Linear)]
    W = layers[0].weight.detach()
    return (W.max(0).values - W.min(0).values).max().item()
