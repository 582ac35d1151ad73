"""The joint norm by math.hypot, the scaling by torch._foreach_mul_."""

import math

import torch


def clip_grad_norm(parameters, max_norm):
    grads = [w.grad for w in parameters if w.grad is not None]
    norm = math.hypot(*(g.double().norm().item() for g in grads))
    factor = min(1.0, max_norm / norm) if norm > 0 else 1.0
    if grads:
        torch._foreach_mul_(grads, factor)
    return norm
