"""Backward on a deep copy; the random state put back by hand."""

import copy

import torch
import torch.nn.functional as F
from torch import nn


def gradient_norms(model, X, y):
    state = torch.get_rng_state()
    twin = copy.deepcopy(model)
    for p in twin.parameters():
        p.grad = None
    F.cross_entropy(twin(X.detach()), y).backward()
    torch.set_rng_state(state)
    return [float(torch.linalg.vector_norm(m.weight.grad)) for m in twin.modules() if isinstance(m, nn.Linear)]
