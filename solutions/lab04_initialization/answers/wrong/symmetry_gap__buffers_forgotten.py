"""Mistake: restores the parameters and forgets the buffers.
Expect: the running statistics of the model have changed
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn


def symmetry_gap(model, X, y, lr, steps):
    net = model
    held = [(w.detach().clone(), w.grad) for w in net.parameters()]
    for w in net.parameters():
        w.grad = None
    for _ in range(steps):
        net.zero_grad()
        loss = F.cross_entropy(net(X), y)
        loss.backward()
        with torch.no_grad():
            for w in net.parameters():
                w -= lr * w.grad
    layers = [m for m in net.modules() if isinstance(m, nn.Linear)]
    W = layers[0].weight.detach().clone()
    for w, (values, grad) in zip(net.parameters(), held):
        w.data.copy_(values)
        w.grad = grad
    return (W.max(0).values - W.min(0).values).max().item()
