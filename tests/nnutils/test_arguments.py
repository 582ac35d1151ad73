"""What each check of an argument lets pass, at its limits, and what it refuses, in one sentence."""

import math

import numpy as np
import pytest
import torch

from nnutils import arguments

NAN, INF = math.nan, math.inf
NO_NUMBER = (None, "0.5", [0.5], 0.5j, torch.tensor([0.5, 0.5]))


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (arguments.nonnegative, (0, 0.0, 1e9), (-1e-9, NAN, INF, -INF, *NO_NUMBER)),
        (arguments.positive, (1e-9, 3), (0, -1, NAN, INF, *NO_NUMBER)),
        (arguments.probability, (0, 0.5, 1), (-1e-9, 1 + 1e-9, NAN, *NO_NUMBER)),
        (arguments.below_one, (0, 0.999), (-1e-9, 1, NAN, *NO_NUMBER)),
        (lambda where, **v: arguments.whole(where, 1, **v), (1, 7, np.int64(2)), (0, 1.0, True, -3, NAN, *NO_NUMBER)),
    ],
)
def test_numbers_in_range_pass_and_others_are_named(check, good, bad):
    for value in good:
        check("f", x=value)
    for value in bad:
        with pytest.raises(ValueError, match=r"^f: got x=.*, expected [^\n]+$"):
            check("f", x=value)


@pytest.mark.parametrize(
    ("axes", "good", "bad"),
    [
        ("(N, C)", [(2, 3), (0, 3)], [(3,), (), (1, 2, 3)]),
        ("(N,)", [(3,)], [(), (3, 1)]),
        ("(N, ...)", [(2,), (2, 3), (2, 3, 4)], [()]),
        ("()", [()], [(1,)]),
    ],
)
def test_the_number_of_axes_is_checked(axes, good, bad):
    for size in good:
        arguments.shape("f", axes, x=torch.zeros(size))
    for size in bad:
        with pytest.raises(ValueError, match=r"f: expected x of shape "):
            arguments.shape("f", axes, x=torch.zeros(size))


def test_a_number_may_be_numpy_s_or_a_tensor_without_axes():
    for number in (np.float32(0.5), np.int64(0), torch.tensor(0.5)):
        for check in (arguments.nonnegative, arguments.probability, arguments.below_one):
            check("f", x=number)


def test_a_string_is_shown_as_one():
    with pytest.raises(ValueError, match=r"^f: got x='3', expected a whole number, 1 or more$"):
        arguments.whole("f", 1, x="3")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^f: got x='3', expected a finite number, 0 or more$"):
        arguments.nonnegative("f", x="3")  # type: ignore[arg-type]


def test_what_is_no_tensor_is_named():
    with pytest.raises(ValueError, match=r"f: expected x to be a torch.Tensor, got list"):
        arguments.shape("f", "(N,)", x=[1.0])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"f: expected y to be a torch.Tensor, got list"):
        arguments.class_indices("f", [0, 1], classes=2, name="y")  # type: ignore[arg-type]


def test_only_floating_point_tensors_pass():
    arguments.floating("f", a=torch.zeros(2), b=torch.zeros((), dtype=torch.float64))
    for wrong, message in (
        (torch.tensor([1]), r"f: got x of dtype torch.int64, expected a floating-point dtype; use .float\(\)"),
        (torch.zeros(1, dtype=torch.complex64), "dtype torch.complex64"),
        (1.0, "f: expected x to be a torch.Tensor, got float"),
    ):
        with pytest.raises(ValueError, match=message):
            arguments.floating("f", x=wrong)  # type: ignore[arg-type]


def test_shapes_that_would_broadcast_are_refused():
    arguments.same_shape("f", a=torch.zeros(2, 1), b=torch.zeros(2, 1))
    with pytest.raises(ValueError, match=r"got a of shape \(2, 1\) and b of shape \(2,\), expected one shape"):
        arguments.same_shape("f", a=torch.zeros(2, 1), b=torch.zeros(2))


def test_devices_are_compared():
    arguments.same_device("f", a=torch.zeros(1), b=torch.zeros(1))
    with pytest.raises(ValueError, match=r"f: got a on cpu, b on meta, expected one device; move them with .to\(dev"):
        arguments.same_device("f", a=torch.zeros(1), b=torch.zeros(1, device="meta"))


def test_class_indices_are_whole_and_in_range():
    arguments.class_indices("f", torch.tensor([0, 2]), classes=3)
    arguments.class_indices("f", torch.tensor([], dtype=torch.int64), classes=3)
    for wrong, message in (
        (torch.tensor([0.0]), r"dtype torch.float32, expected class indices .torch.int64.; use .long\(\)"),
        (torch.tensor([0], dtype=torch.int32), "dtype torch.int32"),
        (torch.tensor([-1, 2]), "from -1 to 2, expected class indices from 0 to 2"),
        (torch.tensor([0, 3]), "from 0 to 3, expected class indices from 0 to 2"),
    ):
        with pytest.raises(ValueError, match=message):
            arguments.class_indices("f", wrong, classes=3)


def test_an_unknown_name_gets_the_list_and_the_nearest():
    assert arguments.one_of("f", "adam", ["sgd", "adam"]) == "adam"
    with pytest.raises(ValueError, match=r"f: got 'Adamm', expected one of sgd, adam; did you mean 'adam'"):
        arguments.one_of("f", "Adamm", ["sgd", "adam"])
    with pytest.raises(ValueError, match=r"f: got 3, expected one of sgd$"):
        arguments.one_of("f", 3, ["sgd"])
