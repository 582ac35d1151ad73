"""Mistake: small gradients are scaled up to max_norm.
Expect: the gradients were scaled up
"""

import torch


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.sqrt(sum((g**2).sum() for g in grads))
    for g in grads:
        g.mul_(max_norm / norm)
    return norm
