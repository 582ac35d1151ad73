"""Mistake: runs the model a second time for the numbers.
Expect: the model runs more than once in a call; run it once
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
        with torch.no_grad():
            model(X)
            result.clear()
            model(X)
    finally:
        for handle in handles:
            handle.remove()
    return result
