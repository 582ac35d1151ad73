"""Every schedule against PyTorch's scheduler of the same meaning, over the whole curve."""

import math
import warnings

import pytest
import torch
from torch.optim import lr_scheduler

from nnutils import schedules


def torch_curve(make, steps, lr):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("ours", "make", "lr"),
    [
        (
            lambda t: schedules.exponential_decay(t, 0.3, 0.05),
            lambda o: lr_scheduler.ExponentialLR(o, math.exp(-0.05)),
            0.3,
        ),
        (
            lambda t: schedules.inverse_time_decay(t, 0.3, 0.1),
            lambda o: lr_scheduler.LambdaLR(o, lambda t: 1 / (1 + 0.1 * t)),
            0.3,
        ),
        (lambda t: schedules.step_decay(t, 0.3, 0.5, 7), lambda o: lr_scheduler.StepLR(o, 7, 0.5), 0.3),
        (lambda t: schedules.cyclical(t, 0.01, 0.1, 4), lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, 4), 0.01),
        (
            lambda t: schedules.cosine_with_warmup(t, 0.3, 0, 40, 0.01),
            lambda o: lr_scheduler.CosineAnnealingLR(o, 40, 0.01),
            0.3,
        ),
        (lambda t: schedules.halving(t, 0.3, 6), lambda o: lr_scheduler.StepLR(o, 6, 0.5), 0.3),
        (
            lambda t: schedules.warm_restarts(t, 0.3, 5, 2, 0.01),
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 5, 2, 0.01),
            0.3,
        ),
        (
            lambda t: schedules.warm_restarts(t, 0.3, 7),
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 7),
            0.3,
        ),
    ],
)
def test_equals_the_scheduler_of_pytorch(ours, make, lr):
    assert [ours(t) for t in range(40)] == pytest.approx(torch_curve(make, 40, lr), rel=1e-9)


@pytest.mark.parametrize("total", [5, 40, 57])
@pytest.mark.parametrize("settings", [(), (0.5, 10.0, 100.0)])
def test_one_cycle_is_that_of_pytorch_from_its_first_step_to_its_last(total, settings):
    names = dict(zip(("pct_start", "div_factor", "final_div_factor"), settings, strict=False))

    def make(optimizer):
        return lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=total, cycle_momentum=False, **names)

    rates = [schedules.one_cycle(t, 0.3, total, *settings) for t in range(total + 3)]
    assert rates[:total] == pytest.approx(torch_curve(make, total, 0.3), rel=1e-9)
    assert rates[total:] == rates[total - 1 : total] * 3


def test_warmup_rises_linearly_then_falls_to_the_minimum():
    rates = [schedules.cosine_with_warmup(t, 1.0, warmup=4, total=10, lr_min=0.1) for t in range(14)]
    assert rates[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert rates[7] == pytest.approx(0.55)
    assert rates[10:] == pytest.approx([0.1] * 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: schedules.exponential_decay(-1, 0.1, 0.1),
            "exponential_decay: got t=-1, expected a whole number, 0 or more",
        ),
        (lambda: schedules.exponential_decay(1, -0.1, 0.1), "got lr0=-0.1"),
        (lambda: schedules.step_decay(1, 0.1, 0.5, 0), "got every=0"),
        (lambda: schedules.cosine_with_warmup(1, 0.1, 5, 5), "got warmup=5, total=5, expected warmup < total"),
        (lambda: schedules.cosine_with_warmup(1, 0.1, 1.5, 6), "cosine_with_warmup: got warmup=1.5, expected a whole"),
        (lambda: schedules.cosine_with_warmup(1, 0.1, -1, 6), "cosine_with_warmup: got warmup=-1"),
        (lambda: schedules.cosine_with_warmup(1, 0.1, 1, math.inf), "cosine_with_warmup: got total=inf"),
        (lambda: schedules.cosine_with_warmup(1, 0.1, 1, 5, 0.2), "got lr_min=0.2, lr_max=0.1, expected lr_min <= lr"),
        (lambda: schedules.cyclical(1, 0.2, 0.1, 3), "cyclical: got lr_min=0.2, lr_max=0.1, .*; swap them"),
        (lambda: schedules.warm_restarts(1, 0.1, 3, 1, 0.2), "warm_restarts: got lr_min=0.2"),
        (lambda: schedules.one_cycle(1, 0.1, 10, None), "one_cycle: got rise=None, expected 0 <= rise <= 1"),
        (lambda: schedules.step_decay(1, "0.1", 0.5, 2), "step_decay: got lr0='0.1', expected a finite number"),
        (lambda: schedules.cyclical(1, 0.1, 0.2, 0), "cyclical: got half_cycle=0, expected a whole number, 1 or more"),
        (lambda: schedules.cyclical(1.5, 0.1, 0.2, 3), "cyclical: got t=1.5"),
        (lambda: schedules.halving(1, math.nan, 3), "halving: got lr0=nan"),
        (lambda: schedules.halving(1, 0.1, 0), "halving: got every=0"),
        (lambda: schedules.inverse_time_decay(1, 0.1, -1), "inverse_time_decay: got k=-1"),
        (lambda: schedules.warm_restarts(1, 0.1, 0), "warm_restarts: got period=0"),
        (lambda: schedules.warm_restarts(1, 0.1, 5, 1.5), "warm_restarts: got multiplier=1.5"),
        (lambda: schedules.one_cycle(1, 0.1, 0), "one_cycle: got total=0"),
        (
            lambda: schedules.one_cycle(1, 0.1, 3),
            r"one_cycle: got rise=0.3, total=3, expected 1 < rise \* total < total",
        ),
        (lambda: schedules.one_cycle(1, 0.1, 10, 1.0), "one_cycle: got rise=1.0, total=10"),
        (lambda: schedules.one_cycle(1, 0.1, 10, start_factor=0), "one_cycle: got start_factor=0"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()
