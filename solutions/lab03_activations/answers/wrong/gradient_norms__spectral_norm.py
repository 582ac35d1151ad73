"""Mistake: the spectral norm.
Expect: this is the spectral norm
"""

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    gradients = torch.autograd.grad(loss, weights)
    return [torch.linalg.norm(g, 2).item() for g in gradients]
