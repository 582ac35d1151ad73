"""Mistake: restores the weights as new parameter objects, which an optimizer made before does not know.
Expect: the model holds other parameter objects afterwards
"""

import copy

import torch
import torch.nn.functional as F
from torch import nn


def learning_rate_range_test(model, batches, lrs):
    state = copy.deepcopy(model.state_dict())
    modes = [(m, m.training) for m in model.modules()]
    model.train()
    losses = []
    state_copy = {id(w): w.detach().clone() for w in model.parameters()}
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
    model.load_state_dict(state)
    for m in model.modules():
        for n, w in list(m.named_parameters(recurse=False)):
            setattr(m, n, nn.Parameter(state_copy[id(w)]))
    for m, mode in modes:
        m.training = mode
    model.zero_grad()
    return losses
