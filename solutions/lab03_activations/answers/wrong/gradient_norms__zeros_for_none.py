"""Mistake: zeros where there was None.
Expect: .grad of a parameter is not what it was before
"""

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    before = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    loss.backward()
    norms = [w.grad.norm().item() for w in weights]
    for p, g in zip(model.parameters(), before):
        p.grad = g
    return norms
