"""Mistake: returns the probabilities.
Expect: the 1 at the right class is not subtracted
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    return torch.softmax(logits, 1) / len(logits)
