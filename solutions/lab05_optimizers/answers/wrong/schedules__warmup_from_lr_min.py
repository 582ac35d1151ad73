"""Mistake: the warm-up rises from lr_min.
Expect: the warm-up starts from lr_min
"""

import math


def exponential_decay(t, lr0, k):
    return lr0 * math.exp(-k * t)


def inverse_time_decay(t, lr0, k):
    return lr0 / (1 + k * t)


def cosine_with_warmup(t, lr_max, warmup, total, lr_min=0.0):
    if t < warmup:
        return lr_min + (lr_max - lr_min) * t / warmup
    if t > total:
        return lr_min
    return lr_min + (lr_max - lr_min) * (1 + math.cos(math.pi * (t - warmup) / (total - warmup))) / 2


def cyclical(t, lr_min, lr_max, half_cycle):
    t = t % (2 * half_cycle)
    if t > half_cycle:
        t = 2 * half_cycle - t
    return lr_min + (lr_max - lr_min) * t / half_cycle
