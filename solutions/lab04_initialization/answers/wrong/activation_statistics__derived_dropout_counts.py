"""Mistake: compares types, so that classes derived from nn.Dropout and nn.Flatten count.
Expect: a class derived from nn.Dropout or nn.Flatten is none
"""

import torch
from torch import Tensor, nn


def activation_statistics(model: nn.Module, X: Tensor) -> list[tuple[float, float]]:
    """Return (mean, std) of the output of each activation module, in order."""
    found = {}

    def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        found[module] = (output.mean().item(), output.std().item())

    def wanted(module: nn.Module) -> bool:
        leaf = not list(module.children()) and not list(module.parameters())
        return leaf and type(module) not in (nn.Flatten, nn.Dropout)

    chosen = [module for module in model.modules() if wanted(module)]
    handles = [module.register_forward_hook(hook) for module in chosen]
    try:
        with torch.no_grad():
            model(X)
    finally:
        for handle in handles:
            handle.remove()
    return [found[module] for module in chosen]
