"""Tensors inside, floats outside; one helper; an extra optional argument; prints."""

import torch


def _mix(low, high, share):
    return (1 - share) * low + share * high


def exponential_decay(t, lr0, k, verbose=True):
    lr = float(lr0 * torch.exp(torch.tensor(-k * t, dtype=torch.float64)))
    if verbose:
        print(f"lr = {lr}")
    return lr


def inverse_time_decay(t, lr0, k):
    return (torch.tensor(lr0, dtype=torch.float64) / (1.0 + k * t)).item()


def cosine_with_warmup(t, lr_max, warmup, total, lr_min=0.0):
    if t < warmup:
        return _mix(0.0, lr_max, (t + 1) / warmup)
    progress = torch.tensor(min(t, total) - warmup, dtype=torch.float64) / (total - warmup)
    return _mix(lr_min, lr_max, (0.5 + 0.5 * torch.cos(torch.pi * progress)).item())


def cyclical(t, lr_min, lr_max, half_cycle):
    cycle = 1 + t // (2 * half_cycle)
    return _mix(lr_min, lr_max, max(0.0, 1 - abs(t / half_cycle - 2 * cycle + 1)))
