"""Mistake: nested ifs for two cycles, constant afterwards.
Expect: it ends after the second cycle
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
    if t >= 4 * half_cycle:
        return lr_min
    x = t % (2 * half_cycle)
    if x > half_cycle:
        x = 2 * half_cycle - x
    return lr_min + (lr_max - lr_min) * x / half_cycle
