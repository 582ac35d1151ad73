"""Mistake: the norm is rounded for printing, and the rounded one returned.
Expect: returned norm: wrong value
"""

import math


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = math.sqrt(sum((g**2).sum().item() for g in grads))
    if norm > max_norm:
        for g in grads:
            g *= max_norm / norm
    return round(norm, 4)
