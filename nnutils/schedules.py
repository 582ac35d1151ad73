"""Learning-rate schedules as plain functions of the step.

The contract that all share: the first argument ``t`` is the number of steps (or epochs) already taken, an int from 0;
the result is the learning rate for the step that comes next, a float. A schedule keeps no state, so that a run can be
resumed, plotted or tested at any step.
"""

import math

__all__ = ["cosine_with_warmup", "cyclical", "exponential_decay", "inverse_time_decay", "step_decay"]


def exponential_decay(t: int, lr0: float, k: float) -> float:
    """Return ``lr0 * exp(-k t)``; equals ``torch.optim.lr_scheduler.ExponentialLR(gamma=exp(-k))``.

    Examples
    --------
    >>> round(exponential_decay(10, 1.0, 0.1), 4)
    0.3679
    """
    _check(t, lr0=lr0, k=k)
    return lr0 * math.exp(-k * t)


def inverse_time_decay(t: int, lr0: float, k: float) -> float:
    """Return ``lr0 / (1 + k t)`` (Robbins and Monro's condition: the rates sum to infinity, their squares do not).

    Examples
    --------
    >>> inverse_time_decay(1, 1.0, 1.0)
    0.5
    """
    _check(t, lr0=lr0, k=k)
    return lr0 / (1 + k * t)


def step_decay(t: int, lr0: float, factor: float, every: int) -> float:
    """Return ``lr0 * factor ** (t // every)``; equals ``torch.optim.lr_scheduler.StepLR(every, gamma=factor)``.

    Examples
    --------
    >>> [step_decay(t, 0.1, 0.5, 2) for t in range(5)]
    [0.1, 0.1, 0.05, 0.05, 0.025]
    """
    _check(t, lr0=lr0, factor=factor)
    if every < 1:
        raise ValueError(f"step_decay: got every={every}, expected 1 or more steps")
    return lr0 * factor ** (t // every)


def cosine_with_warmup(t: int, lr_max: float, warmup: int, total: int, lr_min: float = 0.0) -> float:
    """Return a linear warm-up followed by half a cosine (Loshchilov and Hutter 2017, equation 5, without restarts).

    ``lr_max (t + 1) / warmup`` for ``t < warmup``; then from ``lr_max`` at ``t = warmup`` to ``lr_min`` at
    ``t = total``; ``lr_min`` after that.

    Examples
    --------
    >>> [round(cosine_with_warmup(t, 1.0, warmup=2, total=6), 3) for t in range(8)]
    [0.5, 1.0, 1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    _check(t, lr_max=lr_max, lr_min=lr_min)
    if not 0 <= warmup < total:
        raise ValueError(f"cosine_with_warmup: got warmup={warmup}, total={total}, expected 0 <= warmup < total")
    if t < warmup:
        return lr_max * (t + 1) / warmup
    progress = min((t - warmup) / (total - warmup), 1.0)
    return lr_min + (lr_max - lr_min) * (1 + math.cos(math.pi * progress)) / 2


def cyclical(t: int, lr_min: float, lr_max: float, half_cycle: int) -> float:
    """Return the triangular cycle of Smith (2017).

    ``lr_min`` at ``t = 0``, ``lr_max`` at ``half_cycle``, ``lr_min`` at ``2 * half_cycle``, and so on. Equals
    ``torch.optim.lr_scheduler.CyclicLR(base_lr=lr_min, max_lr=lr_max, step_size_up=half_cycle)``.

    Examples
    --------
    >>> [round(cyclical(t, 0.0, 1.0, 2), 2) for t in range(6)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.5]
    """
    _check(t, lr_min=lr_min, lr_max=lr_max)
    if half_cycle < 1:
        raise ValueError(f"cyclical: got half_cycle={half_cycle}, expected 1 or more steps")
    position = t % (2 * half_cycle) / half_cycle
    return lr_min + (lr_max - lr_min) * (position if position <= 1 else 2 - position)


def _check(t: int, **rates: float) -> None:
    if t < 0:
        raise ValueError(f"schedule: got step t={t}, expected 0 or more")
    for name, value in rates.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"schedule: got {name}={value}, expected a finite number, 0 or more")
