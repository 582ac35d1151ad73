"""Own softmax with the maximum of each row, and a comparison for one-hot."""

import torch


def softmax_cross_entropy_backward(logits, targets):
    e = torch.exp(logits - logits.max(dim=1, keepdim=True).values)
    p = e / e.sum(dim=1, keepdim=True)
    right = targets[:, None] == torch.arange(logits.shape[1])
    return (p - right.to(p.dtype)) / logits.shape[0]
