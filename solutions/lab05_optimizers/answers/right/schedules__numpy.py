"""NumPy scalars, interpolation between corners."""

import numpy as np


def exponential_decay(t, lr0, k):
    return lr0 * np.exp(-k * t)


def inverse_time_decay(t, lr0, k):
    return np.divide(lr0, 1 + k * t)


def cosine_with_warmup(t, lr_max, warmup, total, lr_min=0.0):
    if t < warmup:
        return np.linspace(lr_max / warmup, lr_max, warmup)[t]
    s = np.clip((t - warmup) / (total - warmup), 0, 1)
    return lr_min + (lr_max - lr_min) * np.cos(np.pi * s / 2) ** 2


def cyclical(t, lr_min, lr_max, half_cycle):
    return float(np.interp(t % (2 * half_cycle), [0, half_cycle, 2 * half_cycle], [lr_min, lr_max, lr_min]))
