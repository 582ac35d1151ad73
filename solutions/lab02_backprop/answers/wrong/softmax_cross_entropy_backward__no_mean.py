"""Mistake: gradient of the sum.
Expect: the mean over the batch is missing; divide by N
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    hot = F.one_hot(targets, logits.shape[1]).to(logits.dtype)
    return torch.softmax(logits, 1) - hot
