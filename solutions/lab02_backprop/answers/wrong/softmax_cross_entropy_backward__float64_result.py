"""Mistake: the result keeps float64.
Expect: expected dtype torch.float32, got torch.float64
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    hot = F.one_hot(targets, logits.shape[1]).to(logits.dtype)
    return (torch.softmax(logits.double(), 1) - hot) / len(logits)
