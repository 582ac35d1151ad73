"""Mistake: calls backward, puts the .grad of the parameters back, and leaves that of X.
Expect: where X requires a gradient, its .grad is another one
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def gradient_norms(model: nn.Sequential, X: Tensor, y: Tensor) -> list[float]:
    before = [(p, p.grad, p.requires_grad) for p in model.parameters()]
    for p, _, _ in before:
        p.grad = None
        p.requires_grad_(True)
    with torch.random.fork_rng():
        F.cross_entropy(model(X), y).backward()
    norms = [layer.weight.grad.norm().item() for layer in model if isinstance(layer, nn.Linear)]
    for p, gradient, flag in before:
        p.grad = gradient
        p.requires_grad_(flag)
    return norms
