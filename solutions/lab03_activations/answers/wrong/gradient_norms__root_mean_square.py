"""Mistake: the root mean square.
Expect: this is the root of the MEAN of the squares
"""

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    gradients = torch.autograd.grad(loss, weights)
    return [(g**2).mean().sqrt().item() for g in gradients]
