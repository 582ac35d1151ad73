"""Mistake: switches `inplace` off.
Expect: `inplace` of a module has changed
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
        for module in model.modules():
            if hasattr(module, "inplace"):
                module.inplace = False
        with torch.no_grad():
            model(X)
    finally:
        for handle in handles:
            handle.remove()
    return result
