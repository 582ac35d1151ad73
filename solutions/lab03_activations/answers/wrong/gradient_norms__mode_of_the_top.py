"""Mistake: the mode of the top for all.
Expect: a module is in another mode afterwards
"""

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    was = model.training
    model.eval()
    weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    gradients = torch.autograd.grad(loss, weights)
    model.train(was)
    return [g.norm().item() for g in gradients]
