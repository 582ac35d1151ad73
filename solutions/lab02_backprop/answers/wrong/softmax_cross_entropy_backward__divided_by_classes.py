"""Mistake: divides by K.
Expect: it is divided by the number of classes
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    hot = F.one_hot(targets, logits.shape[1]).to(logits.dtype)
    return (torch.softmax(logits, 1) - hot) / logits.shape[1]
