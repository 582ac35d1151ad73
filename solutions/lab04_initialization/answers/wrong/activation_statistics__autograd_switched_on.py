"""Mistake: switches autograd on afterwards, also where the caller had it off.
Expect: autograd is switched on afterwards
"""

import torch
from torch import Tensor, nn


def activation_statistics(model: nn.Module, X: Tensor) -> list[tuple[float, float]]:
    """Return (mean, std) of the output of each activation module, in order."""
    found = {}

    def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        found[module] = (output.mean().item(), output.std().item())

    def wanted(module: nn.Module) -> bool:
        leaf = not any(True for _ in module.children()) and not any(True for _ in module.parameters())
        return leaf and not isinstance(module, nn.Flatten | nn.Dropout)

    chosen = [module for module in model.modules() if wanted(module)]
    handles = [module.register_forward_hook(hook) for module in chosen]
    torch.set_grad_enabled(False)
    try:
        model(X)
    finally:
        torch.set_grad_enabled(True)
        for handle in handles:
            handle.remove()
    return [found[module] for module in chosen]
