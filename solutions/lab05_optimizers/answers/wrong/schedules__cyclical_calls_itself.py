"""Mistake: one call inside another for each cycle: Python stops at a thousand.
Expect: RecursionError
"""

import math


def exponential_decay(t, lr0, k):
    return lr0 * math.exp(-k * t)


def inverse_time_decay(t, lr0, k):
    return lr0 / (1 + k * t)


def cosine_with_warmup(t, lr_max, warmup, total, lr_min=0.0):
    if t < warmup:
        return lr_max * (t + 1) / warmup
    if t > total:
        return lr_min
    return lr_min + 0.5 * (lr_max - lr_min) * (1 + math.cos(math.pi * (t - warmup) / (total - warmup)))


def cyclical(t, lr_min, lr_max, half_cycle):
    if t <= half_cycle:
        return lr_min + (lr_max - lr_min) * t / half_cycle
    if t <= 2 * half_cycle:
        return lr_max - (lr_max - lr_min) * (t - half_cycle) / half_cycle
    return cyclical(t - 2 * half_cycle, lr_min, lr_max, half_cycle)
