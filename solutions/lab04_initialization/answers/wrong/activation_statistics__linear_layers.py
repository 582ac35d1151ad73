"""Mistake: measures the linear layers.
Expect: modules with parameters are none
"""

import torch
from torch import nn


def activation_statistics(model, X):
    result, handles = [], []

    def hook(module, inputs, output):
        result.append((output.mean().item(), output.std().item()))

    try:
        for module in model.modules():
            if not isinstance(module, nn.Linear):
                continue
            handles.append(module.register_forward_hook(hook))
        with torch.no_grad():
            model(X)
    finally:
        for handle in handles:
            handle.remove()
    return result
