"""Mistake: the course's own schedules do the work.
Expect: nnutils.schedules is refused in this question
"""

from nnutils.schedules import cosine_with_warmup as _cosine
from nnutils.schedules import cyclical as _cyclical
from nnutils.schedules import exponential_decay as _exponential
from nnutils.schedules import inverse_time_decay as _inverse


def exponential_decay(t, lr0, k):
    return _exponential(t, lr0, k)


def inverse_time_decay(t, lr0, k):
    return _inverse(t, lr0, k)


def cosine_with_warmup(t, lr_max, warmup, total, lr_min=0.0):
    return _cosine(t, lr_max, warmup, total, lr_min)


def cyclical(t, lr_min, lr_max, half_cycle):
    return _cyclical(t, lr_min, lr_max, half_cycle)
