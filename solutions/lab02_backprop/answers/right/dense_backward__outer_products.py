"""One outer product for each sample, added up; gradients under no_grad."""

import torch


@torch.no_grad()
def dense_backward(grad_out, X, W, bias=True):
    weights = sum(torch.outer(g, x) for g, x in zip(grad_out, X))
    inputs = torch.stack([W.t() @ g for g in grad_out])
    return inputs, weights, sum(grad_out.unbind(0)) if bias else None
