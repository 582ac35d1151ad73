"""Mistake: Dropout draws.
Expect: PyTorch's random state is another one afterwards
"""

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    gradients = torch.autograd.grad(F.cross_entropy(model(X), y), weights)
    return [g.norm().item() for g in gradients]
