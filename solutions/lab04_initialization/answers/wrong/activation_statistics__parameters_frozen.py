"""Mistake: freezes the parameters.
Expect: a parameter no longer requires a gradient
"""

import torch
from torch import nn


def activation_statistics(model, X):
    result, handles = [], []

    def hook(module, inputs, output):
        result.append((output.mean().item(), output.std().item()))

    try:
        for module in model.modules():
            if list(module.children()) or list(module.parameters()):
                continue
            if isinstance(module, (nn.Flatten, nn.Dropout)):
                continue
            handles.append(module.register_forward_hook(hook))
        for w in model.parameters():
            w.requires_grad_(False)
        model(X)
    finally:
        for handle in handles:
            handle.remove()
    return result
