"""Mistake: leaves autograd switched off where the model raises.
Expect: autograd is switched off afterwards
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
        torch.set_grad_enabled(False)
        model(X)
        torch.set_grad_enabled(True)
    finally:
        for handle in handles:
            handle.remove()
    return result
