"""Mistake: all matrices of the model, biases taken along.
Expect: weight and bias are taken together
"""

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    with torch.random.fork_rng():
        loss = F.cross_entropy(model(X), y)
    norms = []
    for layer in model:
        if isinstance(layer, nn.Linear):
            g = torch.autograd.grad(loss, list(layer.parameters()), retain_graph=True)
            norms.append(torch.cat([x.flatten() for x in g]).norm().item())
    return norms
