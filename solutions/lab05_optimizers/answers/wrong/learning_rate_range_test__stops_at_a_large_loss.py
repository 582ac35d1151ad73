"""Mistake: stops training once the loss is ten times the lowest, and repeats the last loss.
Expect: go on however large the loss is
"""

import copy

import torch
import torch.nn.functional as F


def learning_rate_range_test(model, batches, lrs):
    state = copy.deepcopy(model.state_dict())
    modes = [(m, m.training) for m in model.modules()]
    model.train()
    losses = []
    iterator = iter(batches)
    for lr in lrs:
        if losses and losses[-1] > 10 * min(losses):
            losses.append(losses[-1])
            continue
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
    model.load_state_dict(state)
    for m, mode in modes:
        m.training = mode
    model.zero_grad()
    return losses
