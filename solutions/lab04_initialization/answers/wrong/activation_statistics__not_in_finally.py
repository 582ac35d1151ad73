"""Mistake: removes the hooks only when all goes well.
Expect: a hook is left when the model raises; remove the hooks in `finally:`
"""

import torch
from torch import nn


def activation_statistics(model, X):
    result, handles = [], []

    def hook(module, inputs, output):
        result.append((output.mean().item(), output.std().item()))

    if True:
        for module in model.modules():
            if list(module.children()) or list(module.parameters()):
                continue
            if isinstance(module, (nn.Flatten, nn.Dropout)):
                continue
            handles.append(module.register_forward_hook(hook))
        with torch.no_grad():
            model(X)
    if True:
        for handle in handles:
            handle.remove()
    return result
