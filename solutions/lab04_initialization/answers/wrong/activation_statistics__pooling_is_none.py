"""Mistake: leaves pooling out.
Expect: pairs for a model with
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
            if isinstance(module, (nn.Flatten, nn.Dropout, nn.MaxPool2d, nn.AvgPool2d)):
                continue
            handles.append(module.register_forward_hook(hook))
        with torch.no_grad():
            model(X)
    finally:
        for handle in handles:
            handle.remove()
    return result
