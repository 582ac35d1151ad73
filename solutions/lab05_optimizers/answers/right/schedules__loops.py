"""Multiplies and counts step by step, as a training loop would."""

import math


def exponential_decay(t, lr0, k):
    factor, lr = math.exp(-k), lr0
    for _ in range(t):
        lr *= factor
    return lr


def inverse_time_decay(t, lr0, k):
    denominator = 1.0
    for _ in range(t):
        denominator += k
    return lr0 * denominator**-1


def cosine_with_warmup(t, lr_max, warmup, total, lr_min=0):
    if t >= total:
        lr = lr_min
    elif t >= warmup:
        angle = math.pi * ((t - warmup) / (total - warmup))
        lr = 0.5 * (lr_max + lr_min) + 0.5 * (lr_max - lr_min) * math.cos(angle)
    else:
        lr = lr_max / warmup
        for _ in range(t):
            lr += lr_max / warmup
    return lr


def cyclical(t, lr_min, lr_max, half_cycle):
    height, direction = 0, 1
    for _ in range(t):
        height += direction
        if height in (0, half_cycle):
            direction = -direction
    if half_cycle == 1:
        height = t % 2
    return lr_min + (lr_max - lr_min) * height / half_cycle
