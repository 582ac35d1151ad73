"""Mistake: one-hot has as many columns as the targets need.
Expect: raised RuntimeError
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    return (torch.softmax(logits, 1) - F.one_hot(targets)) / len(logits)
