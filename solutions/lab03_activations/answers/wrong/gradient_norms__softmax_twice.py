"""Mistake: the softmax before the loss.
Expect: the softmax is taken twice
"""

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(torch.softmax(model(X), 1), y)
    gradients = torch.autograd.grad(loss, weights)
    return [g.norm().item() for g in gradients]
