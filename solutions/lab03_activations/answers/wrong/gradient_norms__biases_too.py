"""Mistake: all parameters.
Expect: biases and other layers have no entry
"""

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    return [g.norm().item() for g in gradients]
