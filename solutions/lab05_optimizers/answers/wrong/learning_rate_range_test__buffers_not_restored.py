"""Mistake: only the parameters are put back.
Expect: running statistics (buffers) of batch norm
"""

import copy
import itertools

import torch
import torch.nn.functional as F


def learning_rate_range_test(model, batches, lrs):
    state = [p.detach().clone() for p in model.parameters()]
    modes = [(module, module.training) for module in model.modules()]
    model.train()
    losses = []
    for lr, (X, y) in zip(lrs, itertools.cycle(batches)):
        model.zero_grad()
        loss = F.cross_entropy(model(X), y)
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            for p in model.parameters():
                p -= lr * p.grad
    with torch.no_grad():
        for p, old in zip(model.parameters(), state):
            p.copy_(old)
    for module, training in modes:
        module.training = training
    return losses
