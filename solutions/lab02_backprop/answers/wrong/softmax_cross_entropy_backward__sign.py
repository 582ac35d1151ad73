"""Mistake: one-hot minus p.
Expect: the sign is the wrong way round
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    hot = F.one_hot(targets, logits.shape[1]).to(logits.dtype)
    return (hot - torch.softmax(logits, 1)) / len(logits)
