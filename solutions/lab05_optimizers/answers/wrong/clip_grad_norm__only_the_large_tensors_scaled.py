"""Mistake: the joint factor is applied only to tensors that are longer than max_norm themselves.
Expect: only tensors whose own norm is larger
"""

import math


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = math.sqrt(sum((g**2).sum().item() for g in grads))
    if norm > max_norm:
        for g in grads:
          if g.norm() > max_norm:
            g *= max_norm / norm
    return norm
