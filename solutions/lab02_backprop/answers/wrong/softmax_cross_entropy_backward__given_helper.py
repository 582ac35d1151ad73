"""Mistake: calls the helper of the tests.
Expect: is refused in this question
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    return by_autograd(lambda z: F.cross_entropy(z, targets), logits)[0]
