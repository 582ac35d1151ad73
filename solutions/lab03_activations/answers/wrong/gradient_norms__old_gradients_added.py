"""Mistake: backward onto old gradients.
Expect: the gradients that were there before are added
"""

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    before = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    loss.backward()
    norms = [w.grad.norm().item() for w in weights]
    for p, g in zip(model.parameters(), before):
        p.grad = g
    return norms
