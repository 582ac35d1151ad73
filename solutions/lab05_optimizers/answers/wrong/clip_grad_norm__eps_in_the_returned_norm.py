"""Mistake: the small number of the denominator is in the returned norm too.
Expect: a small number is added
"""

import math


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = math.sqrt(sum(float((g ** 2).sum()) for g in grads))
    scale = min(1.0, max_norm / (norm + 1e-5))
    for g in grads:
        g *= scale
    return norm + 1e-5
