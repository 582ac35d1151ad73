"""Mistake: switches to eval mode.
Expect: the model ran in eval mode; take the mode in which it comes
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
            modes = [m.training for m in model.modules()]
            model.eval()(X)
            for m, mode in zip(model.modules(), modes):
                m.training = mode
    finally:
        for handle in handles:
            handle.remove()
    return result
