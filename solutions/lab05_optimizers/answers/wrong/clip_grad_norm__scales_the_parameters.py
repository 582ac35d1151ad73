"""Mistake: the parameters' data is scaled with the gradients' factor and the gradients stay.
Expect: the gradients did not change
"""

import torch


def clip_grad_norm(parameters, max_norm):
    parameters = list(parameters)
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.sqrt(sum((g**2).sum() for g in grads))
    if norm > max_norm:
        for p in parameters:
            p.data.mul_(max_norm / norm)
    return norm
