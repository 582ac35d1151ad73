"""Mistake: the 1 is not divided by N.
Expect: the 1 is subtracted after the division by N
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    hot = F.one_hot(targets, logits.shape[1]).to(logits.dtype)
    return torch.softmax(logits, 1) / len(logits) - hot
