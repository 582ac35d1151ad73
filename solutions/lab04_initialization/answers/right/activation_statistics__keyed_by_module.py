"""Clones kept by module, measured afterwards, one function that finds the leaves."""

import torch
from torch import nn


def leaves(module):
    parts = list(module.children())
    return [leaf for part in parts for leaf in leaves(part)] if parts else [module]


def activation_statistics(model, X):
    kept = {}
    chosen = [m for m in leaves(model) if not isinstance(m, (nn.Flatten, nn.Dropout)) and not len(list(m.parameters()))]
    handles = [m.register_forward_hook(lambda m, i, o: kept.__setitem__(m, o.detach().clone())) for m in chosen]
    try:
        model(X)
    finally:
        [handle.remove() for handle in handles]
    return [(kept[m].mean().item(), kept[m].var().sqrt().item()) for m in chosen]
