"""Mistake: keeps the outputs and measures at the end.
Expect: the outputs were kept and an activation in place overwrote them
"""

import torch
from torch import nn


def activation_statistics(model, X):
    result, handles = [], []

    def hook(module, inputs, output):
        result.append(output)

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
    return [(t.mean().item(), t.std().item()) for t in result]
