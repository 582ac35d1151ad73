"""The losses and their gradients against torch.nn.functional and autograd, at extremes, and what they refuse."""

import math
from contextlib import nullcontext

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from nnutils import losses
from nnutils.losses import (
    binary_cross_entropy_with_logits,
    binary_cross_entropy_with_logits_gradient,
    cross_entropy,
    cross_entropy_gradient,
    mse,
    mse_gradient,
)

TOLERANCE = {torch.float32: {"rtol": 1e-5, "atol": 1e-6}, torch.float64: {"rtol": 1e-12, "atol": 1e-14}}
DTYPES = st.sampled_from(list(TOLERANCE))
REDUCTIONS = st.sampled_from(["mean", "sum", "none"])
SEEDS = st.integers(0, 99)

each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)


def assert_same(actual, expected):
    """Equal in shape, dtype and device, and in value to rounding; nan is never equal."""
    torch.testing.assert_close(actual, expected, **TOLERANCE[expected.dtype])


def draw(generator, dtype, *shape):
    return (3 * torch.randn(shape, generator=generator, dtype=torch.float64)).to(dtype)


def same_values_and_gradients(ours, gradient, theirs, first, targets, reduction="mean", **options):
    """Compare a loss with PyTorch's in value and autograd gradient, and its closed gradient with that of the mean."""
    kept = first.clone(), targets.clone()
    by_us, by_torch = first.clone().requires_grad_(), first.clone().requires_grad_()
    value = ours(by_us, targets, reduction=reduction, **options)
    expected = theirs(by_torch, targets, reduction=reduction, **options)
    assert_same(value, expected)
    assert_same(*(torch.autograd.grad(loss.sum(), x)[0] for loss, x in ((value, by_us), (expected, by_torch))))
    mean = theirs(by_torch, targets, **options)
    assert_same(gradient(first, targets, **options), torch.autograd.grad(mean, by_torch)[0])
    assert torch.equal(first, kept[0])
    assert torch.equal(targets, kept[1])


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(1, 5),
    classes=st.integers(1, 5),
    soft=st.booleans(),
    label_smoothing=st.sampled_from([0.0, 0.1, 1.0]),
    reduction=REDUCTIONS,
    dtype=DTYPES,
    seed=SEEDS,
)
def test_cross_entropy_equals_torch(samples, classes, soft, label_smoothing, reduction, dtype, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = draw(generator, dtype, samples, classes)
    if soft:
        targets = torch.softmax(draw(generator, dtype, samples, classes), 1)
    else:
        targets = torch.randint(classes, (samples,), generator=generator)
    same_values_and_gradients(
        cross_entropy,
        cross_entropy_gradient,
        F.cross_entropy,
        logits,
        targets,
        reduction,
        label_smoothing=label_smoothing,
    )


@settings(max_examples=40, deadline=None)
@given(
    shape=st.lists(st.integers(1, 4), max_size=3), hard=st.booleans(), reduction=REDUCTIONS, dtype=DTYPES, seed=SEEDS
)
def test_binary_cross_entropy_equals_torch(shape, hard, reduction, dtype, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = draw(generator, dtype, *shape)
    targets = torch.rand(shape, generator=generator, dtype=dtype)
    same_values_and_gradients(
        binary_cross_entropy_with_logits,
        binary_cross_entropy_with_logits_gradient,
        F.binary_cross_entropy_with_logits,
        logits,
        targets.round() if hard else targets,
        reduction,
    )


@settings(max_examples=40, deadline=None)
@given(shape=st.lists(st.integers(1, 4), max_size=3), reduction=REDUCTIONS, dtype=DTYPES, seed=SEEDS)
def test_mse_equals_torch(shape, reduction, dtype, seed):
    generator = torch.Generator().manual_seed(seed)
    predictions, targets = draw(generator, dtype, *shape), draw(generator, dtype, *shape)
    same_values_and_gradients(mse, mse_gradient, F.mse_loss, predictions, targets, reduction)


@each_dtype
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_cross_entropy_is_right_at_logits_of_1000(dtype, label_smoothing):
    logits = torch.tensor([[1000.0, -1000.0, 0.0], [-1000.0, 1000.0, 1000.0], [0.0, -200.0, -800.0]], dtype=dtype)
    for targets in (torch.tensor([1, 0, 1]), torch.tensor([0, 1, 2])):
        same_values_and_gradients(
            cross_entropy,
            cross_entropy_gradient,
            F.cross_entropy,
            logits,
            targets,
            "none",
            label_smoothing=label_smoothing,
        )


def test_a_probability_that_underflows_has_its_loss():
    """exp(-200) is 0 in float32, and the logarithm of that minus infinity; the loss is 200."""
    assert cross_entropy(torch.tensor([[0.0, -200.0]]), torch.tensor([1])).item() == 200


@each_dtype
def test_binary_cross_entropy_is_right_at_0_and_1000(dtype):
    logits = torch.tensor([-1000.0, -100.0, 0.0, 0.0, 100.0, 1000.0], dtype=dtype)
    for targets in ([0.0, 1.0, 0.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.3, 0.5, 0.0, 1.0]):
        same_values_and_gradients(
            binary_cross_entropy_with_logits,
            binary_cross_entropy_with_logits_gradient,
            F.binary_cross_entropy_with_logits,
            logits,
            torch.tensor(targets, dtype=dtype),
            "none",
        )


def test_equal_logits_lose_the_logarithm_of_the_number_of_classes():
    assert cross_entropy(torch.zeros(4, 10), torch.arange(4)).item() == pytest.approx(math.log(10))


@pytest.mark.parametrize(("alpha", "classes"), [(0.01, 10), (0.1, 3)])
def test_with_smoothing_the_lowest_loss_is_the_entropy_of_the_targets(alpha, classes):
    q = torch.full((1, classes), alpha / classes, dtype=torch.float64)
    q[0, 2] += 1 - alpha
    best = cross_entropy(q.log(), torch.tensor([2]), label_smoothing=alpha)
    assert best.item() == pytest.approx(-(q * q.log()).sum().item())
    gradient = cross_entropy_gradient(q.log(), torch.tensor([2]), label_smoothing=alpha)
    assert gradient.abs().max().item() < 1e-15


def test_two_classes_are_binary_cross_entropy_of_the_difference():
    generator = torch.Generator().manual_seed(0)
    logits, targets = draw(generator, torch.float64, 6, 2), torch.tensor([0, 1, 1, 0, 1, 0])
    binary = binary_cross_entropy_with_logits(logits[:, 1] - logits[:, 0], targets.double())
    assert_same(cross_entropy(logits, targets), binary)


def test_float64_probabilities_keep_the_dtype_of_float32_logits():
    logits, targets = torch.zeros(2, 2), torch.full((2, 2), 0.5, dtype=torch.float64)
    assert cross_entropy(logits, targets).dtype == torch.float32
    assert cross_entropy_gradient(logits, targets).dtype == torch.float32


def test_a_gradient_that_forgets_the_mean_is_found():
    """The planted fault: without the division by N."""
    logits, targets = torch.tensor([[1.0, 2.0], [0.5, 0.0]]), torch.tensor([0, 1])
    for factor, found in ((1, False), (len(logits), True)):

        def gradient(z, y, factor=factor):
            return factor * cross_entropy_gradient(z, y)

        with pytest.raises(AssertionError, match="not close") if found else nullcontext():
            same_values_and_gradients(cross_entropy, gradient, F.cross_entropy, logits, targets)


def test_a_slope_at_zero_that_autograd_gets_wrong_is_found(monkeypatch):
    """The planted fault: a relu with the slope from the right has the same values, and a loss off by 1 in slope."""
    monkeypatch.setattr(losses, "relu", lambda z: torch.where(z >= 0, z, 0))
    with pytest.raises(AssertionError, match="not close"):
        test_binary_cross_entropy_is_right_at_0_and_1000(torch.float64)


LOGITS, LABELS = torch.zeros(4, 3), torch.tensor([0, 1, 2, 0])
THIRDS = torch.full((4, 3), 1 / 3)


@pytest.mark.parametrize(
    ("logits", "targets", "options", "message"),
    [
        (LOGITS[0], LABELS, {}, r"expected logits of shape \(N, C\), got \(3,\)"),
        (LOGITS.long(), LABELS, {}, r"got logits of dtype torch.int64, expected a floating-point dtype"),
        (LOGITS, [0, 1, 2, 0], {}, "expected targets to be a torch.Tensor, got list"),
        (
            LOGITS,
            LABELS[:3],
            {},
            r"got logits of shape \(4, 3\) and targets of shape \(3,\), "
            r"expected class indices of shape \(4,\) or probabilities of shape \(4, 3\)",
        ),
        (LOGITS, LABELS[:, None], {}, r"targets of shape \(4, 1\), expected class indices of shape \(4,\)"),
        (LOGITS, THIRDS[:1], {}, r"targets of shape \(1, 3\), expected class indices of shape \(4,\)"),
        (LOGITS[:1], LABELS, {}, r"got logits of shape \(1, 3\) and targets of shape \(4,\)"),
        (LOGITS, LABELS + 1, {}, "got targets from 1 to 3, expected class indices from 0 to 2"),
        (LOGITS, LABELS - 1, {}, "got targets from -1 to 1, expected class indices from 0 to 2"),
        (
            LOGITS,
            LABELS.float(),
            {},
            r"got targets of dtype torch.float32, expected class indices .*torch.int64.*; use .long\(\)",
        ),
        (LOGITS, THIRDS.long(), {}, r"got targets of dtype torch.int64, expected a floating-point dtype"),
        (LOGITS, THIRDS * 1.5, {}, "got probabilities whose sum is off by 0.5, expected rows that sum to 1"),
        (LOGITS, THIRDS * math.nan, {}, "got targets from nan to nan, expected 0 <= targets <= 1"),
        (LOGITS, torch.tensor([2.0, -1.0, 0.0]).expand(4, 3), {}, "got targets from -1 to 2, expected 0 <= targets"),
        (LOGITS, LABELS, {"label_smoothing": 1.1}, "label_smoothing=1.1, expected 0 <= label_smoothing <= 1"),
        (LOGITS, LABELS.to("meta"), {}, "got logits on cpu, targets on meta, expected one device"),
        (LOGITS[:0], LABELS[:0], {}, r"got logits of shape \(0, 3\), expected at least one sample and class"),
        (LOGITS[:, :0], LABELS, {}, r"got logits of shape \(4, 0\), expected at least one sample and class"),
    ],
)
@pytest.mark.parametrize("loss", [cross_entropy, cross_entropy_gradient])
def test_cross_entropy_refuses_bad_input_with_one_sentence(loss, logits, targets, options, message):
    with pytest.raises(ValueError, match=rf"^{loss.__name__}: [^\n]*{message}"):
        loss(logits, targets, **options)


ENTRIES = torch.zeros(3, 1)


@pytest.mark.parametrize(
    ("first", "targets", "message"),
    [
        (ENTRIES, ENTRIES[:, 0], r" of shape \(3, 1\) and targets of shape \(3,\), expected one shape"),
        (ENTRIES, ENTRIES.T, r" of shape \(3, 1\) and targets of shape \(1, 3\), expected one shape"),
        (ENTRIES.long(), ENTRIES, " of dtype torch.int64, expected a floating-point dtype"),
        (ENTRIES, ENTRIES.bool(), "got targets of dtype torch.bool, expected a floating-point dtype"),
        (ENTRIES, 0.0, "expected targets to be a torch.Tensor, got float"),
        (ENTRIES, ENTRIES.to("meta"), " on cpu, targets on meta, expected one device"),
        (ENTRIES[:0], ENTRIES[:0], r" of shape \(0, 1\), expected at least one entry"),
    ],
)
@pytest.mark.parametrize(
    "loss", [mse, mse_gradient, binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_gradient]
)
def test_the_losses_of_entries_refuse_bad_input_with_one_sentence(loss, first, targets, message):
    with pytest.raises(ValueError, match=rf"^{loss.__name__}: [^\n]*{message}"):
        loss(first, targets)


@pytest.mark.parametrize("loss", [binary_cross_entropy_with_logits, binary_cross_entropy_with_logits_gradient])
@pytest.mark.parametrize("wrong", [-0.1, 1.1, math.nan])
def test_binary_targets_are_probabilities(loss, wrong):
    with pytest.raises(ValueError, match=rf"^{loss.__name__}: got targets from .*, expected 0 <= targets <= 1$"):
        loss(torch.zeros(2), torch.tensor([0.5, wrong]))


@pytest.mark.parametrize("loss", [cross_entropy, binary_cross_entropy_with_logits, mse])
def test_an_unknown_reduction_gets_the_list(loss):
    first, targets = torch.zeros(2, 2), torch.full((2, 2), 0.5)
    message = rf"^{loss.__name__}: reduction: got 'average', expected one of mean, sum, none$"
    with pytest.raises(ValueError, match=message):
        loss(first, targets, reduction="average")
