"""Mistake: the entries are cut at max_norm.
Expect: clipping by value
"""

import torch


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.sqrt(sum((g**2).sum() for g in grads))
    if norm > max_norm:
        for g in grads:
            g.clamp_(-max_norm, max_norm)
    return norm
