"""Mistake: .grad is bound to a new tensor.
Expect: .grad is a new tensor
"""

import torch


def clip_grad_norm(parameters, max_norm):
    params = [p for p in parameters if p.grad is not None]
    grads = [p.grad for p in params]
    norm = torch.sqrt(sum((g**2).sum() for g in grads))
    if norm > max_norm:
        for p in params:
            p.grad = p.grad * (max_norm / norm)
    return norm
