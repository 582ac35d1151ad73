"""Mistake: keeps one list for all calls.
Expect: the second call gives more pairs than the first
"""

import torch
from torch import nn


_kept = []


def activation_statistics(model, X):
    result, handles = _kept, []

    def hook(module, inputs, output):
        result.append((output.mean().item(), output.std().item()))

    try:
        for module in model.modules():
            if list(module.children()) or list(module.parameters()):
                continue
            if isinstance(module, (nn.Flatten, nn.Dropout)):
                continue
            handles.append(module.register_forward_hook(hook))
        with torch.no_grad():
            model(X)
    finally:
        for handle in handles:
            handle.remove()
    return result
