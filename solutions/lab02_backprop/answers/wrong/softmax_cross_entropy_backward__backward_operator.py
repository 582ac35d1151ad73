"""Mistake: calls the operator behind autograd.
Expect: is refused in this question
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    logp = torch.log_softmax(logits, 1)
    grad = -F.one_hot(targets, logits.shape[1]).to(logits.dtype) / len(logits)
    return torch.ops.aten._log_softmax_backward_data(grad, logp, 1, logits.dtype)
