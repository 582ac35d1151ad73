"""Mistake: takes the largest over pairs of rows, and one row alone has none.
Expect: your code raised
"""

import copy
import itertools

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
    return max((a - b).abs().max().item() for a, b in itertools.combinations(W, 2))
