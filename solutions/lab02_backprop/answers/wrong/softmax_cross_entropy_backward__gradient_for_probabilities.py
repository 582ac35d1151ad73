"""Mistake: stops at the probabilities.
Expect: this is -1/p at the right class
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    hot = F.one_hot(targets, logits.shape[1]).to(logits.dtype)
    return -hot / torch.softmax(logits, 1) / len(logits)
