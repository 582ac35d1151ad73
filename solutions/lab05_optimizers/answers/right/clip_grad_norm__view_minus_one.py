"""The norm by inner products of flat views; PyTorch stops it where a gradient is not contiguous."""

import math


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    n = math.sqrt(sum(float(g.view(-1) @ g.view(-1)) for g in grads))
    for g in grads:
        g *= min(1.0, max_norm / n) if n else 1.0
    return n
