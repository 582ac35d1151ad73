"""Mistake: softmax down the columns.
Expect: the softmax runs along the wrong axis
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    hot = F.one_hot(targets, logits.shape[1]).to(logits.dtype)
    return (torch.softmax(logits, 0) - hot) / len(logits)
