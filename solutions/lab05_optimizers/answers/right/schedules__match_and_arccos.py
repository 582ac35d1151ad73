"""The triangle by acos(cos), the cosine by match."""

import math


def exponential_decay(t, lr0, k):
    return lr0 / math.exp(k * t)


def inverse_time_decay(t, lr0, k):
    return lr0 / (1 + k * t)


def cosine_with_warmup(t, lr_max, warmup, total, lr_min=0.0):
    match (t < warmup, t > total):
        case (True, _):
            return lr_max * (t + 1) / warmup
        case (_, True):
            return lr_min
    return (lr_max + lr_min) / 2 + (lr_max - lr_min) / 2 * math.cos(math.pi * (t - warmup) / (total - warmup))


def cyclical(t, lr_min, lr_max, half_cycle):
    return lr_min + (lr_max - lr_min) * math.acos(math.cos(math.pi * t / half_cycle)) / math.pi
