"""Mistake: a parameter without gradient is met with an exception.
Expect: AttributeError
"""

import torch


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters]
    norm = torch.sqrt(sum(g.square().sum() for g in grads))
    if norm > max_norm:
        for g in grads:
            g.mul_(max_norm / norm)
    return norm
