"""Mistake: indexes columns only.
Expect: the 1 is subtracted from whole columns
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    grad = torch.softmax(logits, 1)
    grad[:, targets] -= 1
    return grad / len(logits)
