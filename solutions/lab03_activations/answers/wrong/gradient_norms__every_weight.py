"""Mistake: all that is called weight.
Expect: biases and other layers have no entry
"""

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    weights = [p for name, p in model.named_parameters() if name.endswith("weight")]
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    return [g.norm().item() for g in torch.autograd.grad(loss, weights)]
