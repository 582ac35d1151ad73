"""Mistake: one logarithm too many.
Expect: the logarithm of the softmax is taken
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    hot = F.one_hot(targets, logits.shape[1]).to(logits.dtype)
    return (torch.log_softmax(logits, 1) - hot) / len(logits)
