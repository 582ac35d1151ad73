"""Mistake: trains the model itself and loads its state_dict back, which holds no non-persistent buffers.
Expect: a buffer that is not in the state_dict has changed
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def symmetry_gap(model: nn.Sequential, X: Tensor, y: Tensor, lr: float, steps: int) -> float:
    """Return the largest difference between two rows of the first nn.Linear's weight after steps of gradient descent."""
    state, grads = copy.deepcopy(model.state_dict()), [w.grad for w in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(X), y).backward()
        optimizer.step()
    W = next(m for m in model.modules() if isinstance(m, nn.Linear)).weight.detach().clone()
    model.load_state_dict(state)
    for w, grad in zip(model.parameters(), grads, strict=True):
        w.grad = grad
    return (W[:, None] - W[None]).abs().max().item()
