"""Mistake: the factor max_norm / max(norm, max_norm) is nan for max_norm = inf.
Expect: inf / inf is nan
"""

import math


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = math.sqrt(sum((g ** 2).sum().item() for g in grads))
    for g in grads:
        g *= max_norm / max(norm, max_norm)
    return norm
