"""One flat vector for the norm, torch._foreach for the scaling."""

import torch


def _norm(tensors):
    return torch.cat([t.reshape(-1) for t in tensors]).norm(p=2).item()


def clip_grad_norm(parameters, max_norm):
    with torch.no_grad():
        tensors = [p.grad for p in parameters if p.grad is not None]
        before = _norm(tensors)
        torch._foreach_mul_(tensors, min(1.0, max_norm / max(before, 1e-30)))
    return before
