"""Mistake: takes a layer with frozen parameters for one without parameters.
Expect: they are parameters all the same
"""

import torch
from torch import Tensor, nn


def activation_statistics(model: nn.Module, X: Tensor) -> list[tuple[float, float]]:
    """Return (mean, std) of the output of each activation module, in order."""
    found = {}

    def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        found[module] = (output.mean().item(), output.std().item())

    def wanted(module: nn.Module) -> bool:
        if isinstance(module, nn.Flatten | nn.Dropout) or list(module.children()):
            return False
        return not any(p.requires_grad for p in module.parameters())

    chosen = [module for module in model.modules() if wanted(module)]
    handles = [module.register_forward_hook(hook) for module in chosen]
    try:
        with torch.no_grad():
            model(X)
    finally:
        for handle in handles:
            handle.remove()
    return [found[module] for module in chosen]
