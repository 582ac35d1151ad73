"""Mistake: subtracts 1 in all classes.
Expect: this is p - 1 in all classes
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    return (torch.softmax(logits, 1) - 1) / len(logits)
