"""Mistake: the sum over the batch.
Expect: the loss is summed over the batch
"""

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y, reduction="sum")
    gradients = torch.autograd.grad(loss, weights)
    return [g.norm().item() for g in gradients]
