"""NumPy, with fancy indexing; a warning on the way."""

import warnings

import numpy as np
import torch


def softmax_cross_entropy_backward(logits, targets):
    warnings.warn("numpy here")
    z = np.array(logits.detach())
    z -= z.max(1, keepdims=True)
    p = np.exp(z)
    p /= p.sum(1, keepdims=True)
    p[np.arange(len(z)), np.asarray(targets)] -= 1
    return torch.from_numpy(p) / len(z)
