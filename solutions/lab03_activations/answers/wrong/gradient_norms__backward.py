"""Mistake: backward leaves gradients and adds to old ones.
Expect: .grad of a parameter is not what it was before
"""

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    loss.backward()
    return [w.grad.norm().item() for w in weights]
