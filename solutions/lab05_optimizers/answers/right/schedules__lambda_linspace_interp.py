"""A lambda, the half-angle form of the cosine, linspace for the warm-up and interp with a period."""

import math

import numpy as np


exponential_decay = lambda t, lr0, k: lr0 / math.e ** (k * t)


def inverse_time_decay(t, lr0, k):
    return 1 / (1 / lr0 + k * t / lr0)


def cosine_with_warmup(t, lr_max, warmup, total, lr_min=0.0):
    if t < warmup:
        return np.linspace(0, lr_max, warmup + 1)[t + 1]
    turn = min(t - warmup, total - warmup) / (total - warmup)
    return lr_min + (lr_max - lr_min) * math.cos(math.pi / 2 * turn) ** 2


def cyclical(t, lr_min, lr_max, half_cycle):
    return np.interp(t, [0, half_cycle, 2 * half_cycle], [lr_min, lr_max, lr_min], period=2 * half_cycle)
