"""Mistake: one maximum for all rows: rows far below give 0/0.
Expect: exp of a large logit overflows
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    hot = F.one_hot(targets, logits.shape[1]).to(logits.dtype)
    e = torch.exp(logits - logits.max())
    return (e / e.sum(1, keepdim=True) - hot) / len(logits)
