"""A loop over the entries, math, float64 inside."""

import math

import torch


def entrywise(slope):
    def backward(grad_out, z):
        flat = [g * slope(x) for g, x in zip(grad_out.reshape(-1).tolist(), z.reshape(-1).tolist())]
        return torch.tensor(flat, dtype=grad_out.dtype).reshape(z.shape)

    return backward


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(max(x, -745.0)) / (1 + math.exp(max(x, -745.0)))


relu_backward = entrywise(lambda x: float(x > 0))
sigmoid_backward = entrywise(lambda x: sigmoid(x) * sigmoid(-x))
