"""Penalties, dropout, early stopping and changed images: what they keep, what they change, what they refuse."""

import math

import pytest
import scipy.stats
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nnutils import regularization as reg

SHAPES = st.lists(st.lists(st.integers(1, 4), max_size=3), min_size=1, max_size=4)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@settings(max_examples=25, deadline=None)
@given(shapes=SHAPES)
def test_penalties_are_the_norms_of_all_weights_together_with_their_gradients(shapes):
    weights = [torch.randn(shape, generator=seeded(), dtype=torch.float64).requires_grad_() for shape in shapes]
    for penalty, power, slope in ((reg.l1_penalty, 1, torch.sign), (reg.l2_penalty, 2, lambda w: 2 * w)):
        value = penalty(iter(weights))
        flat = torch.cat([w.flatten() for w in weights])
        torch.testing.assert_close(value, torch.linalg.vector_norm(flat, power) ** power)
        for gradient, w in zip(torch.autograd.grad(value, weights), weights, strict=True):
            torch.testing.assert_close(gradient, slope(w.detach()))


def test_an_l2_penalty_is_a_decay_of_twice_its_coefficient():
    def step(weight_decay, penalty):
        w = torch.tensor([1.0, -3.0], requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=0.1, weight_decay=weight_decay)
        (w.sum() + penalty * reg.l2_penalty([w])).backward()
        optimizer.step()
        return w.detach()

    torch.testing.assert_close(step(0.0, 0.3), step(0.6, 0.0))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_dropout_drops_its_share_independently_and_keeps_the_mean(p):
    x = torch.ones(500, 200)  # 1e5 draws
    y = reg.dropout(x, p, generator=seeded())
    assert y.unique().tolist() == pytest.approx([0.0, 1 / (1 - p)])
    dropped = (y == 0).double()
    assert dropped.sum().item() == pytest.approx(1e5 * p, abs=4 * math.sqrt(1e5 * p * (1 - p)))
    assert y.mean().item() == pytest.approx(1.0, abs=4 * math.sqrt(p / (1 - p) / 1e5))
    for axis in (0, 1):  # neighbours know nothing of each other
        first, second = dropped.narrow(axis, 0, 199), dropped.narrow(axis, 1, 199)
        assert torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1].abs() < 0.02


def test_dropout_is_drawn_anew_each_time_and_repeats_with_its_generator():
    layer = reg.Dropout(0.5, generator=seeded(3))
    x = torch.ones(100)
    first, second = layer(x), layer(x)
    assert not torch.equal(first, second)
    assert torch.equal(first, reg.dropout(x, 0.5, generator=seeded(3)))
    torch.manual_seed(0)
    without = reg.dropout(x, 0.5)
    torch.manual_seed(0)
    assert torch.equal(without, reg.dropout(x, 0.5))


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_dropout_is_the_identity_in_evaluation_and_has_the_limits_of_torch(p):
    x = torch.tensor([1.0, -2.0, math.inf])
    ours, theirs = reg.Dropout(p), nn.Dropout(p)
    assert torch.equal(ours.eval()(x), x)
    assert str(ours) == f"Dropout(p={p})"
    if p in (0.0, 1.0):
        x = x[:2]
        assert torch.equal(ours.train()(x), theirs.train()(x))
    assert torch.equal(reg.dropout(torch.tensor([math.nan, math.inf]), 1.0), torch.zeros(2))


def test_the_gradient_of_dropout_has_the_same_mask_and_scale():
    x = torch.randn(50, dtype=torch.float64, generator=seeded()).requires_grad_()
    y = reg.dropout(x, 0.25, generator=seeded(1))
    y.sum().backward()
    torch.testing.assert_close(x.grad, (y.detach() != 0).double() / 0.75)
    assert y.dtype == torch.float64


SCRIPTS = [
    # patience, min_delta, values, stop after call, best
    (2, 0.0, [3, 1, 2, 1.5, 0.5], 4, 1),
    (2, 0.0, [3, 2, 2.5, 1.9, 2.5, 2.4], 6, 1.9),
    (1, 0.0, [1, 1], 2, 1),
    (3, 0.5, [3, 2.6, 2.4, 2.2, 2.0, 1.95], 6, 2.4),
    (2, 0.0, [math.nan, math.nan, 1], 2, math.inf),
    (5, 0.0, [5, 4, 3, 2, 1], None, 1),
]


@pytest.mark.parametrize(("patience", "min_delta", "values", "stops", "best"), SCRIPTS)
def test_early_stopping_follows_the_script(patience, min_delta, values, stops, best):
    stopping, model = reg.EarlyStopping(patience, min_delta=min_delta), nn.Linear(1, 1)
    answers = [stopping.update(value, model) for value in values[:stops]]
    assert answers == [call == stops for call in range(1, len(answers) + 1)]
    assert stopping.best == best


def test_a_decrease_that_is_no_improvement_does_not_reset_the_patience():
    """Falling again after a bump is not enough: the lecture notes' mistake would go on for ever on this curve."""
    stopping, model = reg.EarlyStopping(3), nn.Linear(1, 1)
    assert [stopping.update(value, model) for value in (1.0, 3.0, 2.0, 1.5)] == [False, False, False, True]


def test_a_value_that_is_a_tensor_becomes_a_number():
    stopping = reg.EarlyStopping(patience=2)
    stopping.update(torch.tensor(0.5), nn.Linear(1, 1))  # type: ignore[arg-type]
    assert type(stopping.best) is float
    assert stopping.best == 0.5


def test_the_weights_of_the_best_call_come_back():
    model = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    stopping = reg.EarlyStopping(5)
    with pytest.raises(ValueError, match="EarlyStopping: no value has improved yet, expected an update before restore"):
        stopping.restore(model)
    for value, weight in ((2.0, 10.0), (1.0, 20.0), (3.0, 30.0)):
        model[0].weight.data.fill_(weight)
        model[1].running_mean.fill_(weight)
        stopping.update(value, model)
    model[0].weight.data.fill_(-1.0)
    stopping.restore(model)
    assert model[0].weight.item() == 20.0
    assert model[1].running_mean.item() == 20.0
    model[0].weight.data.fill_(-1.0)
    stopping.restore(model)
    assert model[0].weight.item() == 20.0


def marked(count, height, width):
    """Images with another number, 1 or more, in each pixel."""
    return torch.arange(1, count * height * width + 1, dtype=torch.float32).reshape(count, height, width)


def shift_of(moved, image):
    """The (down, right) of an image of ``marked`` numbers."""
    (row, column), *_ = moved.nonzero().tolist()
    ((old_row, old_column),) = (image == moved[row, column]).nonzero().tolist()
    return row - old_row, column - old_column


@settings(max_examples=20, deadline=None)
@given(height=st.integers(4, 7), width=st.integers(4, 7), most=st.integers(0, 3), seed=st.integers(0, 99))
def test_a_shift_moves_each_image_without_wrapping_around(height, width, most, seed):
    images = marked(5, height, width)
    before = images.clone()
    moved = reg.random_shift(images, max_pixels=most, generator=seeded(seed))
    assert torch.equal(images, before)
    assert moved.dtype == images.dtype
    for image, new in zip(images, moved, strict=True):
        down, right = shift_of(new, image)
        assert max(abs(down), abs(right)) <= most
        expected = F.pad(image, (right, -right, down, -down))
        assert torch.equal(new, expected)


def test_shifts_are_uniform_and_each_image_has_its_own():
    images = marked(1, 9, 9).expand(9000, 9, 9)
    moved = reg.random_shift(images, max_pixels=1, generator=seeded())
    # the middle pixel's new place tells the shift
    places = (moved == images[0, 4, 4]).nonzero()[:, 1:] - 4
    counts = torch.bincount((places[:, 0] + 1) * 3 + places[:, 1] + 1, minlength=9)
    assert scipy.stats.chisquare(counts.numpy()).pvalue > 1e-3


def test_flips_mirror_whole_images_with_their_probability():
    images = marked(4000, 2, 3)
    flipped = reg.random_flip(images, p=0.3, generator=seeded())
    mirrored = (flipped == images.flip(2)).all((1, 2))
    assert ((flipped == images).all((1, 2)) ^ mirrored).all()
    assert mirrored.sum().item() == pytest.approx(1200, abs=4 * math.sqrt(4000 * 0.21))
    assert torch.equal(reg.random_flip(images, p=0.0), images)
    assert torch.equal(reg.random_flip(images, p=1.0), images.flip(2))


@settings(max_examples=20, deadline=None)
@given(height=st.integers(2, 6), width=st.integers(2, 6), size=st.integers(0, 2), seed=st.integers(0, 99))
def test_cutout_makes_one_whole_square_black(height, width, size, seed):
    images = marked(6, height, width)
    cut = reg.cutout(images, size=size, generator=seeded(seed))
    for image, new in zip(images, cut, strict=True):
        hit = (new == 0).nonzero()
        assert len(hit) == size**2
        if size:
            assert (hit.amax(0) - hit.amin(0) + 1).tolist() == [size, size]
        assert torch.equal(new[new != 0], image[new != 0])
    assert torch.equal(images, marked(6, height, width))


def test_the_corner_of_cutout_is_uniform():
    cut = reg.cutout(torch.ones(9000, 4, 5), size=2, generator=seeded())
    corners = torch.stack([(image == 0).nonzero()[0] for image in cut])
    counts = torch.bincount(corners[:, 0] * 4 + corners[:, 1], minlength=12)
    assert scipy.stats.chisquare(counts.numpy()).pvalue > 1e-3


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_mixup_mixes_inputs_and_targets_in_the_same_ratio_from_beta(alpha):
    count = 5000
    X = torch.arange(count, dtype=torch.float64)[:, None, None].expand(count, 2, 3)
    Y = torch.stack([X[:, 0, 0], torch.ones(count, dtype=torch.float64)], 1)
    mixed_X, mixed_Y = reg.mixup(X, Y, alpha=alpha, generator=seeded())
    torch.testing.assert_close(mixed_X[:, 0, 0], mixed_Y[:, 0])
    torch.testing.assert_close(mixed_X, mixed_X[:, :1, :1].expand_as(X))
    torch.testing.assert_close(mixed_Y[:, 1], torch.ones(count, dtype=torch.float64))
    # With X = n the partner is known from the permutation that the same generator draws after the ratios.
    generator = seeded()
    torch.randint(2**63 - 1, (), generator=generator)
    order = torch.randperm(count, generator=generator)
    lam = ((mixed_Y[:, 0] - order) / (X[:, 0, 0] - order))[order != torch.arange(count)]
    assert scipy.stats.kstest(lam.numpy(), scipy.stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_mixup_of_tiny_alpha_stays_finite():
    X, Y = reg.mixup(torch.ones(10_000, 1), torch.ones(10_000, 1), alpha=1e-4, generator=seeded())
    assert torch.equal(X, torch.ones_like(X))
    assert torch.equal(Y, torch.ones_like(Y))


RANDOM = {
    "dropout": lambda x, g: reg.dropout(x, 0.5, generator=g),
    "random_shift": lambda x, g: reg.random_shift(x, max_pixels=2, generator=g),
    "random_flip": lambda x, g: reg.random_flip(x, generator=g),
    "cutout": lambda x, g: reg.cutout(x, size=2, generator=g),
    "mixup": lambda x, g: reg.mixup(x, x[:, 0], alpha=0.5, generator=g)[0],
}


@pytest.mark.parametrize("name", RANDOM)
def test_with_a_generator_a_draw_repeats_and_leaves_the_global_one_alone(name):
    images = marked(20, 6, 6)
    before = torch.get_rng_state()
    first = RANDOM[name](images, seeded(4))
    assert torch.equal(first, RANDOM[name](images, seeded(4)))
    assert not torch.equal(first, RANDOM[name](images, seeded(5)))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", RANDOM)
def test_a_generator_on_the_cpu_draws_the_same_for_data_on_a_gpu(name):
    images = marked(20, 6, 6)
    torch.testing.assert_close(RANDOM[name](images.cuda(), seeded()).cpu(), RANDOM[name](images, seeded()))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: reg.l1_penalty([]), "l1_penalty: got no parameters, expected at least one; a generator can be read"),
        (lambda: reg.l2_penalty(iter(())), "l2_penalty: got no parameters"),
        (
            lambda: reg.l1_penalty(nn.Linear(2, 2)),
            r"l1_penalty: got Linear, expected tensors, such as model.parameters",
        ),
        (lambda: reg.l2_penalty(nn.ModuleList()), "l2_penalty: got ModuleList, expected tensors"),
        (lambda: reg.l2_penalty(None), "l2_penalty: got NoneType, expected tensors"),
        (
            lambda: reg.l2_penalty(nn.Linear(2, 2).named_parameters()),
            r"l2_penalty: expected parameters\[0\] to be a torch.Tensor, got tuple",
        ),
        (
            lambda: reg.l1_penalty([torch.ones(1), torch.ones(1, device="meta")]),
            r"l1_penalty: got parameters\[0\] on cpu, parameters\[1\] on meta, expected one device",
        ),
        (lambda: reg.dropout(torch.ones(2), None), "dropout: got p=None, expected 0 <= p <= 1"),
        (lambda: reg.dropout(torch.ones(2), 1.5), "dropout: got p=1.5, expected 0 <= p <= 1"),
        (lambda: reg.dropout(torch.ones(2, dtype=torch.int64)), "dropout: got x of dtype torch.int64"),
        (lambda: reg.Dropout(-0.1), "Dropout: got p=-0.1"),
        (lambda: reg.EarlyStopping(0), "EarlyStopping: got patience=0, expected a whole number, 1 or more"),
        (lambda: reg.EarlyStopping(1, min_delta=-1.0), "EarlyStopping: got min_delta=-1.0"),
        (lambda: reg.random_shift(torch.ones(4, 4), max_pixels=1), r"expected images of shape \(N, H, W\), got \(4, 4"),
        (lambda: reg.random_shift(torch.ones(1, 4, 4), max_pixels=0.5), "random_shift: got max_pixels=0.5"),
        (lambda: reg.random_flip(torch.ones(4, 4)), "random_flip: expected images"),
        (lambda: reg.random_flip(torch.ones(1, 4, 4), p=2), "random_flip: got p=2"),
        (lambda: reg.cutout(torch.ones(4, 4), size=1), "cutout: expected images"),
        (
            lambda: reg.cutout(torch.ones(1, 4, 3), size=4),
            "cutout: got size=4 for images of 4 x 3 pixels, expected one",
        ),
        (lambda: reg.cutout(torch.ones(1, 4, 3), size=-1), "cutout: got size=-1"),
        (lambda: reg.mixup(torch.ones(3, 2), torch.ones(3), alpha=1), r"\(N, C\), got \(3,\); use F.one_hot\(y, C\)"),
        (lambda: reg.mixup(torch.ones(3, 2), None, alpha=1), "mixup: expected Y to be a torch.Tensor, got NoneType"),
        (
            lambda: reg.mixup(torch.ones(3, 2), torch.ones(3, 2, device="meta"), alpha=1),
            "mixup: got X on cpu, Y on meta, expected one device",
        ),
        (lambda: reg.mixup(torch.ones(3, 2), torch.ones(2, 2), alpha=1), "mixup: got 3 samples X and 2 targets Y"),
        (lambda: reg.mixup(torch.ones(3, 2), torch.ones(3, 2).long(), alpha=1), "mixup: got Y of dtype torch.int64"),
        (lambda: reg.mixup(torch.ones(3, 2), torch.ones(3, 2), alpha=0), "mixup: got alpha=0, expected a finite"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
