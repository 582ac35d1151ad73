"""Learning-rate schedules as plain functions of the step.

The contract that all share: the first argument ``t`` is the number of steps (or epochs) already taken, an int from 0;
the result is the learning rate for the step that comes next, a float. A schedule keeps no state, so that a run can be
resumed, plotted or tested at any step. ``train.fit`` takes one as ``schedule=lambda t: halving(t, 0.1, 500)``. A
negative step, a rate that is not a finite number, 0 or more, a lowest rate above the highest, and a length below 1 (a
warm-up below 0) are refused by a ``ValueError``.
"""

import math

from nnutils.arguments import nonnegative, positive, probability, whole

__all__ = [
    "cosine_with_warmup",
    "cyclical",
    "exponential_decay",
    "halving",
    "inverse_time_decay",
    "one_cycle",
    "step_decay",
    "warm_restarts",
]


def exponential_decay(t: int, lr0: float, k: float) -> float:
    """Return ``lr0 * exp(-k t)``; equals ``torch.optim.lr_scheduler.ExponentialLR(gamma=exp(-k))``.

    Examples
    --------
    >>> round(exponential_decay(10, 1.0, 0.1), 4)
    0.3679
    """
    _check("exponential_decay", t, lr0=lr0, k=k)
    return lr0 * math.exp(-k * t)


def inverse_time_decay(t: int, lr0: float, k: float) -> float:
    """Return ``lr0 / (1 + k t)``: rates that sum to infinity, with squares that do not (Robbins and Monro 1951).

    Examples
    --------
    >>> inverse_time_decay(1, 1.0, 1.0)
    0.5
    """
    _check("inverse_time_decay", t, lr0=lr0, k=k)
    return lr0 / (1 + k * t)


def step_decay(t: int, lr0: float, factor: float, every: int) -> float:
    """Return ``lr0 * factor ** (t // every)``; equals ``torch.optim.lr_scheduler.StepLR(every, gamma=factor)``.

    Examples
    --------
    >>> [step_decay(t, 0.1, 0.5, 2) for t in range(5)]
    [0.1, 0.1, 0.05, 0.05, 0.025]
    """
    _check("step_decay", t, lr0=lr0, factor=factor)
    whole("step_decay", 1, every=every)
    return lr0 * factor ** (t // every)


def halving(t: int, lr0: float, every: int) -> float:
    """Return ``lr0`` halved every so many steps: ``step_decay`` with factor 1/2.

    Examples
    --------
    >>> [halving(t, 0.8, 2) for t in range(6)]
    [0.8, 0.8, 0.4, 0.4, 0.2, 0.2]
    """
    _check("halving", t, lr0=lr0)
    whole("halving", 1, every=every)
    return step_decay(t, lr0, 0.5, every)


def cosine_with_warmup(t: int, lr_max: float, warmup: int, total: int, lr_min: float = 0.0) -> float:
    """Return a linear warm-up followed by half a cosine (Loshchilov and Hutter 2017, equation 5, without restarts).

    ``lr_max (t + 1) / warmup`` for ``t < warmup``; then from ``lr_max`` at ``t = warmup`` to ``lr_min`` at
    ``t = total``; ``lr_min`` after that.

    Examples
    --------
    >>> [round(cosine_with_warmup(t, 1.0, warmup=2, total=6), 3) for t in range(8)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    _check("cosine_with_warmup", t, lr_max=lr_max, lr_min=lr_min)
    whole("cosine_with_warmup", 0, warmup=warmup, total=total)
    if warmup >= total:
        raise ValueError(f"cosine_with_warmup: got warmup={warmup}, total={total}, expected warmup < total")
    if t < warmup:
        return lr_max * (t + 1) / warmup
    return _cosine(lr_max, lr_min, min((t - warmup) / (total - warmup), 1.0))


def cyclical(t: int, lr_min: float, lr_max: float, half_cycle: int) -> float:
    """Return the triangular cycle of Smith (2017).

    ``lr_min`` at ``t = 0``, ``lr_max`` at ``half_cycle``, ``lr_min`` at ``2 * half_cycle``, and so on. Equals
    ``torch.optim.lr_scheduler.CyclicLR(base_lr=lr_min, max_lr=lr_max, step_size_up=half_cycle)``.

    Examples
    --------
    >>> [round(cyclical(t, 0.0, 1.0, 2), 2) for t in range(6)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.5]
    """
    _check("cyclical", t, lr_min=lr_min, lr_max=lr_max)
    whole("cyclical", 1, half_cycle=half_cycle)
    position = t % (2 * half_cycle) / half_cycle
    return lr_min + (lr_max - lr_min) * (position if position <= 1 else 2 - position)


def warm_restarts(t: int, lr_max: float, period: int, multiplier: int = 1, lr_min: float = 0.0) -> float:
    """Return half a cosine from ``lr_max`` to ``lr_min`` that starts anew after each period (SGDR).

    Each period is ``multiplier`` times as long as the one before it (Loshchilov and Hutter 2017, equation 5). Equals
    ``torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(T_0=period, T_mult=multiplier, eta_min=lr_min)``.

    Examples
    --------
    >>> [round(warm_restarts(t, 1.0, period=2, multiplier=2), 3) for t in range(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    """
    _check("warm_restarts", t, lr_max=lr_max, lr_min=lr_min)
    whole("warm_restarts", 1, period=period, multiplier=multiplier)
    while t >= period:
        if multiplier == 1:
            t %= period
        else:
            t, period = t - period, period * multiplier
    return _cosine(lr_max, lr_min, t / period)


def one_cycle(
    t: int, lr_max: float, total: int, rise: float = 0.3, start_factor: float = 25.0, final_factor: float = 1e4
) -> float:
    """Return one cycle: half a cosine up to ``lr_max``, half a cosine far down.

    From ``lr_max / start_factor`` at ``t = 0`` to ``lr_max`` at ``t = rise * total - 1``, then down to
    ``lr_max / start_factor / final_factor`` at ``t = total - 1``, and no further. Equals
    ``torch.optim.lr_scheduler.OneCycleLR(max_lr=lr_max, total_steps=total)`` with its defaults, but for the momentum,
    which that one moves as well. Source: Smith and Topin 2019, where the two ways are straight lines.

    Examples
    --------
    >>> [round(one_cycle(t, 1.0, total=10), 3) for t in (0, 1, 2, 9, 12)]
    [0.04, 0.52, 1.0, 0.0, 0.0]
    """
    _check("one_cycle", t, lr_max=lr_max)
    whole("one_cycle", 1, total=total)
    positive("one_cycle", start_factor=start_factor, final_factor=final_factor)
    probability("one_cycle", rise=rise)
    if not 1 < rise * total < total:
        raise ValueError(
            f"one_cycle: got rise={rise}, total={total}, expected 1 < rise * total < total, a step or more for each way"
        )
    peak, lowest = rise * total - 1, lr_max / start_factor
    if t <= peak:
        return _cosine(lowest, lr_max, t / peak)
    return _cosine(lr_max, lowest / final_factor, min((t - peak) / (total - 1 - peak), 1.0))


def _cosine(start: float, end: float, progress: float) -> float:
    """Half a cosine from ``start`` at progress 0 to ``end`` at progress 1."""
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2


def _check(where: str, t: int, **rates: float) -> None:
    whole(where, 0, t=t)
    nonnegative(where, **rates)
    if rates.get("lr_min", 0.0) > rates.get("lr_max", math.inf):
        raise ValueError(
            f"{where}: got lr_min={rates['lr_min']}, lr_max={rates['lr_max']}, expected lr_min <= lr_max; swap them"
        )
