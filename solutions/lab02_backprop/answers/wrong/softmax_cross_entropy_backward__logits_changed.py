"""Mistake: shifts the logits in place.
Expect: logits: the input was changed in place
"""

import torch
import torch.nn.functional as F


def softmax_cross_entropy_backward(logits, targets):
    hot = F.one_hot(targets, logits.shape[1]).to(logits.dtype)
    logits -= logits.max(1, keepdim=True).values
    e = logits.exp()
    return (e / e.sum(1, keepdim=True) - hot) / len(logits)
