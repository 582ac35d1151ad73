"""Mistake: differentiates PyTorch's loss.
Expect: is refused in this question
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    leaf = logits.clone().requires_grad_()
    F.cross_entropy(leaf, targets).backward()
    return leaf.grad
