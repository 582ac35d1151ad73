"""A loop over the rows, math and lists."""

import math

import torch


def softmax_cross_entropy_backward(logits, targets):
    rows = []
    for row, t in zip(logits.tolist(), targets.tolist()):
        top = max(row)
        e = [math.exp(x - top) for x in row]
        rows.append([(x / sum(e) - (k == t)) / len(logits) for k, x in enumerate(e)])
    return torch.tensor(rows, dtype=logits.dtype)
