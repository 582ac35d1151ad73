"""Mistake: restores the model by taking over the attributes of a copy; an optimizer made before holds the trained parameters.
Expect: the model holds other parameter objects afterwards
"""

import copy

import torch
import torch.nn.functional as F


def learning_rate_range_test(model, batches, lrs):
    backup = copy.deepcopy(model)
    model.train()
    losses = []
    iterator = iter(batches)
    for lr in lrs:
        try:
            X, y = next(iterator)
        except StopIteration:
            iterator = iter(batches)
            X, y = next(iterator)
        model.zero_grad()
        loss = F.cross_entropy(model(X), y)
        loss.backward()
        losses.append(loss.item())
        with torch.no_grad():
            for p in model.parameters():
                if p.grad is not None:
                    p -= lr * p.grad
    model.__dict__ = backup.__dict__
    model.zero_grad()
    return losses
