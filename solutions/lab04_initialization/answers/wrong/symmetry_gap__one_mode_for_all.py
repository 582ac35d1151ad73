"""Mistake: puts all modules of the copy into the mode of the model itself.
Expect: all modules of the copy are put into one mode
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def symmetry_gap(model: nn.Sequential, X: Tensor, y: Tensor, lr: float, steps: int) -> float:
    """Return the largest difference between two rows of the first nn.Linear's weight after steps of gradient descent."""
    net = copy.deepcopy(model)
    net.train(model.training)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(X), y).backward()
        optimizer.step()
    W = next(m for m in net.modules() if isinstance(m, nn.Linear)).weight.detach()
    return (W[:, None] - W[None]).abs().max().item()
