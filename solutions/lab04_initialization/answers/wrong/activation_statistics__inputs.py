"""Mistake: takes the inputs.
Expect: these are the inputs of the activations; take the outputs
"""

import torch
from torch import nn


def activation_statistics(model, X):
    result, handles = [], []

    def hook(module, inputs, output):
        result.append((inputs[0].mean().item(), inputs[0].std().item()))

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
