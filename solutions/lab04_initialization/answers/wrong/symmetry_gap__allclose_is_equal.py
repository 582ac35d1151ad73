"""Mistake: returns 0 where allclose calls the rows equal.
Expect: of units that differ by a millionth: wrong value
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def symmetry_gap(model: nn.Sequential, X: Tensor, y: Tensor, lr: float, steps: int) -> float:
    """Return the largest difference between two rows of the first nn.Linear's weight after steps of gradient descent."""
    net = copy.deepcopy(model)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(X), y).backward()
        optimizer.step()
    W = next(m for m in net.modules() if isinstance(m, nn.Linear)).weight.detach()
    if torch.allclose(W, W[:1].expand_as(W)):
        return 0.0
    return (W[:, None] - W[None]).abs().max().item()
