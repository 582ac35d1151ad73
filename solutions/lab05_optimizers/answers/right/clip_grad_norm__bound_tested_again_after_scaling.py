"""The joint norm is computed anew in the loop; what is scaled already cannot bring it below the bound before the last."""

import torch


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    for i in range(len(grads)):
        total = torch.sqrt(sum((g ** 2).sum() for g in grads))
        if i == 0:
            norm = float(total)
        if total > max_norm:
            grads[i].mul_(max_norm / norm)
    return norm
