"""Mistake: the factor divides by a norm of zero.
Expect: inf or nan
"""

import torch


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.sqrt(sum((g**2).sum() for g in grads))
    factor = max_norm / norm
    for g in grads:
        g.copy_(torch.where(factor < 1, g * factor, torch.minimum(g * factor, g)) if factor.isinf() else g * factor.clamp(max=1.0))
    return norm
