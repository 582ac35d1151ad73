"""Mistake: train mode and back to train.
Expect: a module is in another mode afterwards
"""

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    model.eval()
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    gradients = torch.autograd.grad(loss, weights)
    model.train()
    return [g.norm().item() for g in gradients]
