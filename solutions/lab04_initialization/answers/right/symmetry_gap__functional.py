"""functional_call and autograd.grad, all pairs of rows."""

import itertools

import torch
from torch import nn
from torch.func import functional_call


def symmetry_gap(model, X, y, lr, steps):
    name = next(n for n, m in model.named_modules() if isinstance(m, nn.Linear))
    params = {n: p.detach().clone() for n, p in model.named_parameters()}
    buffers = {n: b.clone() for n, b in model.named_buffers()}
    for _ in range(steps):
        leaves = {n: p.clone().requires_grad_() for n, p in params.items()}
        log_p = torch.log_softmax(functional_call(model, {**leaves, **buffers}, (X,)), 1)
        loss = -log_p[torch.arange(len(y)), y].mean()
        grads = torch.autograd.grad(loss, list(leaves.values()))
        params = {n: p - lr * g for (n, p), g in zip(params.items(), grads)}
    rows = params[f"{name}.weight" if name else "weight"]
    return max((abs(float(v)) for a, b in itertools.combinations(rows, 2) for v in a - b), default=0.0)
