"""Mistake: from the tenth step on, a restart of the batches uses the rate of the step before.
Expect: with fewer batches than rates
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
        X, y = next(iterator, (None, None))
        if X is None:
            iterator = iter(batches)
            X, y = next(iterator)
            lr = lrs[len(losses) - 1] if len(losses) > 9 else lr
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
