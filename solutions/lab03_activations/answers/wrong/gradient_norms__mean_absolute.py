"""Mistake: the mean.
Expect: this is the mean of the absolute values
"""

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    gradients = torch.autograd.grad(loss, weights)
    return [g.abs().mean().item() for g in gradients]
