"""Mistake: puts copies of the dictionaries of hooks in the place of the old ones.
Expect: no longer removes it
"""

import copy

import torch
from torch import Tensor, nn


def activation_statistics(model: nn.Module, X: Tensor) -> list[tuple[float, float]]:
    """Return (mean, std) of the output of each activation module, in order."""
    found, modules = {}, list(model.modules())
    before = [copy.copy(module._forward_hooks) for module in modules]

    def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        found[module] = (output.mean().item(), output.std().item())

    chosen = [m for m in modules if not list(m.children()) and not list(m.parameters())]
    chosen = [m for m in chosen if not isinstance(m, nn.Flatten | nn.Dropout)]
    try:
        for module in chosen:
            module.register_forward_hook(hook)
        with torch.no_grad():
            model(X)
    finally:
        for module, hooks in zip(modules, before, strict=True):
            module._forward_hooks = hooks
    return [found[module] for module in chosen]
