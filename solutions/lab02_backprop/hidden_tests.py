"""The hidden tests of lab 02: one property each, ``test_<question>__<property>(student, rng)``.

The student's code is reached only through ``student`` (plain data in, plain data out); everything expected is computed
here, by PyTorch's autograd and closed forms. Where a result is wrong, the tests compute what known mistakes would have
given and name the one that fits.

Questions that call the answer to another one get a right version of it, from the solution, for the time of the call
(``LENT``); where the student's code does not get on with it, their own version decides.
"""

import ast
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import probes
import torch
import torch.nn.functional as F
from probes import Parameters, Step
from torch import Tensor

from autograder.student import StudentError
from autograder.testing import AUTOGRAD, FROM_SCRATCH, close, draw, flat, number, register, same, unchanged
from nnutils import data, diagnostics
from nnutils.checks import check, check_tensor, check_unchanged

NAMES = {
    "numerical_gradient": ("numerical_gradient",),
    "dense_backward": ("dense_backward",),
    "activation_backward": ("relu_backward", "sigmoid_backward"),
    "softmax_cross_entropy_backward": ("softmax_cross_entropy_backward",),
    "mlp_backward": ("mlp_backward",),
    "value": ("Value",),
    "train_by_hand": ("train_by_hand",),
}

REFUSED = dict.fromkeys(NAMES, (*AUTOGRAD, *FROM_SCRATCH))

BOTH = (torch.float64, torch.float32)


def draw_targets(rng: np.random.Generator, n: int, classes: int) -> Tensor:
    return torch.from_numpy(rng.integers(0, classes, n))


def gradients_of(f: Callable[..., Tensor], *tensors: Tensor) -> list[Tensor]:
    """Return PyTorch's gradients of a scalar function."""
    leaves = [t.clone().requires_grad_() for t in tensors]
    return list(torch.autograd.grad(f(*leaves), leaves))


def twice(outcome: Mapping[str, Any], name: str) -> None:
    """Check that the second call of a probe gave what the first one gave."""
    first, again = (_tensors(outcome[key]) for key in ("first", "again"))
    equal = len(first) == len(again) and all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    check(equal, f"{name}: the second call with the same arguments gives another result; keep nothing between calls")


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, list | tuple):
        return [t for each in value for t in _tensors(each)]
    return [value.nan_to_num()] if isinstance(value, Tensor) else []


# numerical_gradient


def differences(name: str, x: Tensor, c: Tensor, h: float, rule: str = "central") -> Tensor:
    """Return the difference quotients of a function of ``probes.FUNCTIONS``, by the right rule or by a mistaken one."""
    f = probes.FUNCTIONS[name]
    if rule == "central":
        return diagnostics.numerical_gradient(lambda x: f(x, c), x, h=h)
    middle, slopes, moved = x.double(), [], x.double().clone()
    if rule == "at once":
        return torch.full_like(x, (float(f(middle + h, c)) - float(f(middle - h, c))) / (2 * h))
    for i in range(x.numel()):
        step = torch.zeros(x.numel(), dtype=torch.float64)
        step[i] = h
        step = step.reshape(x.shape)
        above, below, at = (float(f(x, c)) for x in (middle + step, middle - step, middle))
        if rule == "relative":
            far = h * max(1.0, abs(float(middle.reshape(-1)[i])))
            above, below = (float(f(middle + sign * far / h * step, c)) for sign in (1, -1))
            slopes.append((above - below) / (2 * far))
        elif rule == "forward":
            slopes.append((above - at) / h)
        elif rule == "backward":
            slopes.append((at - below) / h)
        elif rule == "moved":
            moved = moved + step
            up = float(f(moved, c))
            moved = moved - 2 * step
            slopes.append((up - float(f(moved, c))) / (2 * h))
        else:
            slopes.append((above - below) / {"h": h, "times": 1 / h, "sign": -2 * h}[rule])
    return torch.tensor(slopes, dtype=x.dtype).reshape(x.shape)


DIFFERENCES = {
    "this is the forward difference; move the entry to both sides": "forward",
    "this is the backward difference; move the entry to both sides": "backward",
    "the difference is divided by h; the two points are 2h apart": "h",
    "the difference is multiplied by h/2; divide it by 2h": "times",
    "the sign is the wrong way round; f(x + h) minus f(x - h)": "sign",
    "all entries are moved at once; move one at a time": "at once",
    "an entry is not put back before the next one is moved": "moved",
    "the step is scaled by the size of the entry; it is h for every entry": "relative",
}


def compare_differences(
    student: Any, name: str, x: Tensor, c: Tensor, *, about: str = "", h: float | None = None, **how: Any
) -> dict[str, Any]:
    given = {} if h is None else {"h": h}
    outcome = student.probe(probes.numerical_gradient, name, x, c, **given, **how)
    step = 1e-5 if h is None else h
    known = {sentence: lambda rule=rule: differences(name, x, c, step, rule) for sentence, rule in DIFFERENCES.items()}
    fixed = {"the argument h has no effect; its default is used": lambda: differences(name, x, c, 1e-5)} if h else {}
    if step < 1e-8:
        fixed["a small h is replaced by 1e-8; take h as it is given"] = lambda: differences(name, x, c, 1e-8)
    same(
        outcome["first"],
        differences(name, x, c, step),
        name=f"numerical_gradient{about}",
        mistakes=lambda: {sentence: make() for sentence, make in (known | fixed).items()},
        shapes={
            (): "all entries are moved at once; move one at a time",
            (x.numel(),): "give the result the shape of x",
        },
        tolerance=(1e-6, 1e-6) if x.dtype == torch.float32 else (1e-7, 1e-7) if h is None else (1e-9, 1e-9),
    )
    return dict(outcome)


def test_numerical_gradient__equals_the_central_difference(student: Any, rng: np.random.Generator) -> None:
    for h in (0.1, 0.01):
        x, c = draw(rng, (3, 4)), draw(rng, (3, 4))
        compare_differences(student, "cubic", x, c, h=h)
        compare_differences(student, "waves", x, c, h=h, about=" of a sum of sines and a product")


def test_numerical_gradient__the_default_step(student: Any, rng: np.random.Generator) -> None:
    x, c = draw(rng, (2, 3)), draw(rng, (2, 3))
    compare_differences(student, "cubic", x, c, about=" with the default h")


def test_numerical_gradient__entries_that_act_together(student: Any, rng: np.random.Generator) -> None:
    x, c = draw(rng, (5,)), draw(rng, (5, 5))
    compare_differences(student, "form", x, c, h=0.1, about=" of a quadratic form")


def test_numerical_gradient__any_number_of_axes(student: Any, rng: np.random.Generator) -> None:
    for shape in ((1,), (2, 1, 3), (2, 2, 2, 2)):
        x, c = draw(rng, shape), draw(rng, shape)
        compare_differences(student, "cubic", x, c, h=0.1, about=f" at x of shape {shape}")


def test_numerical_gradient__x_without_axes(student: Any, rng: np.random.Generator) -> None:
    for dtype in BOTH:
        x, c = draw(rng, (), dtype), draw(rng, (), dtype)
        compare_differences(student, "square", x, c, h=0.1, about=" at x of shape ()")


def test_numerical_gradient__f_may_return_a_float(student: Any, rng: np.random.Generator) -> None:
    x, c = draw(rng, (2, 3)), draw(rng, (2, 3))
    compare_differences(student, "cubic", x, c, h=0.1, as_float=True, about=" where f returns a float")


def test_numerical_gradient__f_may_return_an_entry_of_what_it_was_given(student: Any, rng: np.random.Generator) -> None:
    x = draw(rng, (2, 3))
    outcome = student.probe(probes.numerical_gradient, "entry", x, x, h=0.1)
    right = torch.zeros_like(x)
    right[0, 0] = 1.0
    known = {"two results are kept that are one place in memory; take float(f(x)) before the next move": 0 * right}
    same(outcome["first"], right, name="numerical_gradient where f returns x[0, 0]", mistakes=known)


def test_numerical_gradient__a_very_small_h(student: Any, rng: np.random.Generator) -> None:
    x, h = torch.zeros(2, 3, dtype=torch.float64), 1e-9
    compare_differences(student, "cubic", x, draw(rng, (2, 3)) / h**2, h=h, about=" with h = 1e-9 at x = 0")


def test_numerical_gradient__float32_is_computed_in_float64(student: Any, rng: np.random.Generator) -> None:
    x, c = draw(rng, (2, 3), torch.float32), draw(rng, (2, 3))
    outcome = student.probe(probes.numerical_gradient, "cubic", x, c)
    kinds = {seen[0] for seen in outcome["seen"]}
    told = ", ".join(sorted(kinds - {"torch.float64"}))
    check(not told, f"numerical_gradient of a float32 x: f was called with {told}; give it float64 tensors")
    compare_differences(student, "cubic", x, c, about=" of a float32 x")


def test_numerical_gradient__f_is_called_with_the_shape_of_x(student: Any, rng: np.random.Generator) -> None:
    for shape in ((2, 3), (), (1, 4)):
        outcome = student.probe(
            probes.numerical_gradient, "square" if shape == () else "cubic", *(draw(rng, shape),) * 2
        )
        shapes = {tuple(seen[1:]) for seen in outcome["seen"]}
        check(shapes == {shape}, f"numerical_gradient: f was called with other shapes than that of x, {shape}")


def test_numerical_gradient__x_comes_back_unchanged(student: Any, rng: np.random.Generator) -> None:
    for dtype in BOTH:
        x, c = draw(rng, (3, 4), dtype), draw(rng, (3, 4))
        outcome = student.probe(probes.numerical_gradient, "cubic", x, c, h=1e-3)
        name = "numerical_gradient: x (x + h - h is not x to the last digit)"
        check_unchanged(outcome["x"], x, name=name)


def test_numerical_gradient__x_need_not_be_contiguous(student: Any, rng: np.random.Generator) -> None:
    x, c = draw(rng, (3, 4)), draw(rng, (3, 4))
    compare_differences(student, "cubic", x, c, h=0.1, transposed=True, about=" at x that is not contiguous")


def test_numerical_gradient__can_be_called_twice(student: Any, rng: np.random.Generator) -> None:
    outcome = student.probe(probes.numerical_gradient, "cubic", draw(rng, (2, 3)), draw(rng, (2, 3)), h=0.1)
    twice(outcome, "numerical_gradient")


# dense_backward


def draw_layer(
    rng: np.random.Generator, shape: Sequence[int], dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor, Tensor]:
    """Return grad_out (N, K), X (N, D), W (K, D)."""
    n, d, k = shape
    return draw(rng, (n, k), dtype), draw(rng, (n, d), dtype), draw(rng, (k, d), dtype)


def compare_dense(result: Any, grad_out: Tensor, X: Tensor, W: Tensor, *, about: str = "") -> None:
    """Check the three gradients."""
    (n, k), d = grad_out.shape, X.shape[1]
    name = f"dense_backward{about}"
    what = f"{len(result)} things" if isinstance(result, list | tuple) else type(result).__name__
    check(what == "3 things", f"{name}: expected (grad_X, grad_W, grad_b), got {what}")
    b = torch.zeros(k, dtype=W.dtype)
    right = gradients_of(lambda X, W, b: ((X @ W.T + b) * grad_out).sum(), X, W, b)
    by_n = "it is divided by N; the gradient of a mean brings its 1/N along"
    order = "the order is (grad_X, grad_W, grad_b)"
    mistakes: list[dict[str, Tensor]] = [
        {by_n: right[0] / n, "this is grad_W; " + order: right[1]},
        {by_n: right[1] / n, "this is grad_X; " + order: right[0], "it is transposed": right[1].mT},
        {
            "this is the mean over the batch; take the sum": right[2] / n,
            "this sums over the outputs; sum over the batch": grad_out.sum(1),
            "this is the gradient of the first sample alone; sum over the batch": grad_out[0],
            "it is 1 for each sample; sum grad_out over the batch": torch.full_like(right[2], n),
        },
    ]
    if d == k:
        mistakes[0]["W is transposed; the layer computes X @ W.T"] = grad_out @ W.T
    if n == d == k:
        mistakes[1]["X is not transposed where it should be; use grad_out.T @ X"] = grad_out @ X
    shapes: list[dict[tuple[int, ...], str]] = [
        {(d, n): "it is transposed", (k, d): "this is the shape of W; " + order},
        {(d, k): "it is transposed; it has the shape of W", (n, d): "this is the shape of X; " + order},
        {
            (n, k): "sum over the batch, since every sample used the same bias",
            (1, k): "a bias has one axis; do not keep the axis of the sum",
            (k, 1): "a bias has one axis",
            (n,): "sum over the batch, not over the outputs",
            (): "sum over the batch only",
        },
    ]
    for label, got, want, known, forms in zip(
        ("grad_X", "grad_W", "grad_b"), result, right, mistakes, shapes, strict=True
    ):
        same(got, want, name=f"{name}: {label}", mistakes=known, shapes=forms)


def test_dense_backward__equals_autograd(student: Any, rng: np.random.Generator) -> None:
    for shape in ((5, 3, 4), (2, 7, 3), (6, 2, 5)):
        arguments = draw_layer(rng, shape)
        compare_dense(student.call("dense_backward", *arguments), *arguments)


def test_dense_backward__square_layers(student: Any, rng: np.random.Generator) -> None:
    for shape in ((5, 4, 4), (4, 4, 4), (4, 4, 3)):
        arguments = draw_layer(rng, shape)
        about = " with as many inputs as outputs" if shape[1] == shape[2] else " with as many samples as inputs"
        compare_dense(student.call("dense_backward", *arguments), *arguments, about=about)


def test_dense_backward__one_sample(student: Any, rng: np.random.Generator) -> None:
    arguments = draw_layer(rng, (1, 3, 4))
    compare_dense(student.call("dense_backward", *arguments), *arguments, about=" with one sample")


def test_dense_backward__one_input_or_one_output(student: Any, rng: np.random.Generator) -> None:
    for shape in ((5, 1, 3), (5, 3, 1)):
        arguments = draw_layer(rng, shape)
        about = " with one input" if shape[1] == 1 else " with one output"
        compare_dense(student.call("dense_backward", *arguments), *arguments, about=about)


def test_dense_backward__float32(student: Any, rng: np.random.Generator) -> None:
    arguments = draw_layer(rng, (5, 3, 4), torch.float32)
    compare_dense(student.call("dense_backward", *arguments), *arguments, about=" in float32")


def test_dense_backward__float64_keeps_its_digits(student: Any, rng: np.random.Generator) -> None:
    arguments = draw_layer(rng, (40, 6, 5))
    compare_dense(student.call("dense_backward", *arguments), *arguments, about=" in float64")


def test_dense_backward__the_inputs_come_back_unchanged(student: Any, rng: np.random.Generator) -> None:
    arguments = draw_layer(rng, (5, 3, 4))
    student.call("dense_backward", *arguments)
    unchanged(student, dict(zip(("grad_out", "X", "W"), arguments, strict=True)), function="dense_backward")


def test_dense_backward__inputs_need_not_be_contiguous(student: Any, rng: np.random.Generator) -> None:
    arguments = draw_layer(rng, (5, 3, 4))
    outcome = student.probe(probes.use, "dense_backward", *arguments, transposed=True)
    compare_dense(outcome["first"], *arguments, about=" with inputs that are not contiguous")


def test_dense_backward__can_be_called_twice(student: Any, rng: np.random.Generator) -> None:
    twice(student.probe(probes.use, "dense_backward", *draw_layer(rng, (5, 3, 4))), "dense_backward")


# activation_backward

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu_backward": torch.relu, "sigmoid_backward": torch.sigmoid}


def compare_activation(result: Any, name: str, grad_out: Tensor, z: Tensor, *, about: str = "", hint: str = "") -> None:
    (right,) = gradients_of(lambda z: (ACTIVATIONS[name](z) * grad_out).sum(), z)

    def mistakes() -> dict[str, Tensor]:
        s, one = torch.sigmoid(z), torch.ones_like(z)
        if name == "relu_backward":
            return {
                "the slope is 1 everywhere; it is 0 where z is not positive": grad_out,
                "the slope at 0 is 1; it is 0": grad_out * (z >= 0),
                "the slope at 0 is 1/2; it is 0": grad_out * ((z > 0) + 0.5 * (z == 0)),
                "the slope of a small z above 0 is not 1; compare z with 0 alone": grad_out * (z > 1e-3),
                "this is the slope alone; multiply it by grad_out": one * (z > 0),
                "the mask comes from grad_out; it comes from z": grad_out * (grad_out > 0),
                "this is relu(z); the backward pass is grad_out times the slope": torch.relu(z),
                "grad_out is multiplied by relu(z); multiply it by the slope, 0 or 1": grad_out * torch.relu(z),
                "grad_out is multiplied by z; multiply it by the slope, 0 or 1": grad_out * z,
                "the mask is the wrong way round": grad_out * (z <= 0),
                "negative z have slope -1; it is 0": grad_out * z.sign(),
                "negative z let a little through (leaky ReLU); their slope is 0": torch.where(
                    z > 0, grad_out, 0.01 * grad_out
                ),
            }
        return {
            "this is z (1 - z); z is the input of the activation, not its output": grad_out * z * (1 - z),
            "this is the slope alone; multiply it by grad_out": s * (1 - s),
            "this is sigmoid(z); the slope is sigmoid(z) (1 - sigmoid(z))": grad_out * s,
            "the factor sigmoid(z) is missing": grad_out * (1 - s),
            "this is the slope of tanh; the sigmoid's is sigmoid(z) (1 - sigmoid(z))": grad_out * (1 - s**2),
            "the sigmoid is taken of grad_out; take it of z": grad_out
            * torch.sigmoid(grad_out)
            * (1 - grad_out.sigmoid()),
            "the sigmoid is taken twice; z is the input, one sigmoid is enough": grad_out
            * s.sigmoid()
            * (1 - s.sigmoid()),
            "the sign is the wrong way round": -grad_out * s * (1 - s),
        }

    same(result, right, name=f"{name}{about}", mistakes=mistakes, if_not_finite=hint)


def equals_autograd(student: Any, rng: np.random.Generator, name: str) -> None:
    for shape in ((40,), (5, 7)):
        grad_out, z = draw(rng, shape), 2 * draw(rng, shape)
        compare_activation(student.call(name, grad_out, z), name, grad_out, z)


def any_number_of_axes(student: Any, rng: np.random.Generator, name: str) -> None:
    for shape in ((), (1,), (2, 3, 4), (2, 1, 2, 3)):
        grad_out, z = draw(rng, shape), draw(rng, shape)
        compare_activation(student.call(name, grad_out, z), name, grad_out, z, about=f" of shape {shape}")


def z_exactly_zero(student: Any, rng: np.random.Generator, name: str) -> None:
    grad_out, z = draw(rng, (12,)), draw(rng, (12,))
    z[::3] = 0.0
    z[1] = -0.0
    compare_activation(student.call(name, grad_out, z), name, grad_out, z, about=" where some z are exactly 0")


def small_inputs(student: Any, rng: np.random.Generator, name: str) -> None:
    for dtype in BOTH:
        z = torch.tensor([1e-9, -1e-9, 1e-30, -1e-30, 1.0, -1.0], dtype=dtype)
        grad_out = draw(rng, z.shape, dtype)
        compare_activation(student.call(name, grad_out, z), name, grad_out, z, about=" at z as small as 1e-30")


def float32(student: Any, rng: np.random.Generator, name: str) -> None:
    grad_out, z = draw(rng, (30,), torch.float32), 3 * draw(rng, (30,), torch.float32)
    compare_activation(student.call(name, grad_out, z), name, grad_out, z, about=" in float32")


def large_inputs(student: Any, rng: np.random.Generator, name: str) -> None:
    for dtype in BOTH:
        z = torch.tensor([-800.0, 800.0, -100.0, 100.0, -40.0, 40.0, -20.0, 20.0, 1e30, -1e30], dtype=dtype)
        grad_out = draw(rng, z.shape, dtype)
        hint = "; exp(-z) overflows where z is very negative: build on torch.sigmoid"
        about = " at z between -800 and 800, and beyond"
        compare_activation(student.call(name, grad_out, z), name, grad_out, z, about=about, hint=hint)


def zero_gradients_stay_zero(student: Any, rng: np.random.Generator, name: str) -> None:
    grad_out, z = draw(rng, (4, 5)), draw(rng, (4, 5))
    grad_out[:, ::2] = 0.0
    compare_activation(student.call(name, grad_out, z), name, grad_out, z, about=" where grad_out is 0 in places")


def the_inputs_come_back_unchanged(student: Any, rng: np.random.Generator, name: str) -> None:
    grad_out, z = draw(rng, (4, 5)), draw(rng, (4, 5))
    student.call(name, grad_out, z)
    unchanged(student, {"grad_out": grad_out, "z": z}, function=name)


def inputs_need_not_be_contiguous(student: Any, rng: np.random.Generator, name: str) -> None:
    grad_out, z = draw(rng, (4, 5)), draw(rng, (4, 5))
    outcome = student.probe(probes.use, name, grad_out, z, transposed=True)
    compare_activation(outcome["first"], name, grad_out, z, about=" with inputs that are not contiguous")


def can_be_called_twice(student: Any, rng: np.random.Generator, name: str) -> None:
    twice(student.probe(probes.use, name, draw(rng, (4, 5)), draw(rng, (4, 5))), name)


register(
    globals(),
    "activation_backward",
    (
        *(equals_autograd, any_number_of_axes, z_exactly_zero, small_inputs, float32, large_inputs),
        *(zero_gradients_stay_zero, the_inputs_come_back_unchanged, inputs_need_not_be_contiguous, can_be_called_twice),
    ),
    NAMES["activation_backward"],
)


# softmax_cross_entropy_backward


def compare_softmax(result: Any, logits: Tensor, targets: Tensor, *, about: str = "") -> None:
    (right,) = gradients_of(lambda logits: F.cross_entropy(logits, targets), logits)
    n, k = logits.shape

    def mistakes() -> dict[str, Tensor]:
        p, hot = torch.softmax(logits, 1), F.one_hot(targets, k).to(logits.dtype)
        columns, rows, once = p.clone(), p.clone(), p.clone()
        columns[:, targets] -= 1
        rows[targets[targets < n]] -= 1
        for target in targets.tolist():
            once[:, target] -= 1
        down = torch.softmax(logits, 0)
        found = {
            "the mean over the batch is missing; divide by N": right * n,
            "it is divided by the number of classes; divide by the number of samples": right * n / k,
            "it is divided by the number of entries; divide by the number of samples": right / k,
            "it is divided by N twice": right / n,
            "the softmax runs along the wrong axis; each ROW of the softmax adds up to 1": (down - hot) / n,
            "the softmax runs over all entries; each ROW adds up to 1": (
                torch.softmax(logits.flatten(), 0).view(n, k) - hot
            )
            / n,
            "the 1 at the right class is not subtracted": p / n,
            "this is p - 1 in all classes; subtract 1 at the right class only": (p - 1) / n,
            "only the right class has an entry; the others keep p": (p - 1) * hot / n,
            "the 1 is subtracted after the division by N; subtract it before": p / n - hot,
            "only the right class is divided by N": torch.where(hot == 1, right, p),
            "the 1 is subtracted from whole columns; index by row numbers and targets": columns / n,
            "the 1 is subtracted from whole columns, once for each sample; index by row numbers and targets": once / n,
            "the 1 is subtracted from whole rows; index by row numbers and targets": rows / n,
            "the sign is the wrong way round; p minus one-hot": -right,
            "the softmax is missing": (logits - hot) / n,
            "the softmax is taken twice": (torch.softmax(p, 1) - hot) / n,
            "the logarithm of the softmax is taken; take the softmax": (torch.log_softmax(logits, 1) - hot) / n,
            "this is -1/p at the right class, the gradient for the probabilities; go through the softmax as well": (
                -hot / p / n
            ),
            "the smallest class counts as 1; classes count from 0": (p - F.one_hot((targets - 1) % k, k)) / n,
        }
        return {sentence: wrong for sentence, wrong in found.items() if wrong.isfinite().all()}

    overflow = "; exp of a large logit overflows: subtract the maximum of each row first, or use torch.softmax"
    name = f"softmax_cross_entropy_backward{about}"
    same(result, right, name=name, mistakes=mistakes, if_not_finite=overflow, shapes={(n,): "one entry for each logit"})


def draw_logits(
    rng: np.random.Generator, n: int, k: int, dtype: torch.dtype = torch.float64, scale: float = 2.0
) -> tuple[Tensor, Tensor]:
    return scale * draw(rng, (n, k), dtype), draw_targets(rng, n, k)


CLASSES = "the number of classes is that of the logits, also where no target is the last class"


def softmax_backward(student: Any, logits: Tensor, targets: Tensor, about: str = "") -> None:
    def call(targets: Tensor) -> Any:
        return student.call("softmax_cross_entropy_backward", logits, targets)

    try:
        result = call(targets)
    except StudentError as error:
        last = logits.shape[1] - 1
        if error.kind != "raised" or int(targets.max()) == last:
            raise
        call(torch.full_like(targets, last))  # what raises here too has another cause
        raise AssertionError(f"{error}; {CLASSES}") from None
    compare_softmax(result, logits, targets, about=about)


def test_softmax_cross_entropy_backward__equals_autograd(student: Any, rng: np.random.Generator) -> None:
    for n, k in ((6, 4), (3, 9), (20, 5)):
        softmax_backward(student, *draw_logits(rng, n, k))


def test_softmax_cross_entropy_backward__as_many_samples_as_classes(student: Any, rng: np.random.Generator) -> None:
    softmax_backward(student, *draw_logits(rng, 5, 5), " with as many samples as classes")


def test_softmax_cross_entropy_backward__one_sample(student: Any, rng: np.random.Generator) -> None:
    softmax_backward(student, *draw_logits(rng, 1, 4), " with one sample")


def test_softmax_cross_entropy_backward__two_classes(student: Any, rng: np.random.Generator) -> None:
    softmax_backward(student, *draw_logits(rng, 7, 2), " with two classes")


def test_softmax_cross_entropy_backward__one_class_for_all(student: Any, rng: np.random.Generator) -> None:
    logits, _ = draw_logits(rng, 6, 4)
    targets = torch.full((6,), int(rng.integers(0, 4)))
    softmax_backward(student, logits, targets, " where all targets are the same class")


def test_softmax_cross_entropy_backward__float32(student: Any, rng: np.random.Generator) -> None:
    softmax_backward(student, *draw_logits(rng, 6, 4, torch.float32), " in float32")


def test_softmax_cross_entropy_backward__large_logits(student: Any, rng: np.random.Generator) -> None:
    for dtype in BOTH:
        logits, targets = draw_logits(rng, 6, 4, dtype, scale=300.0)
        logits[0] = torch.tensor([1000.0, -1000.0, 0.0, 999.0])
        logits[1], logits[2] = 1000.0, -1000.0
        softmax_backward(student, logits, targets, " with logits of up to 1000")


def test_softmax_cross_entropy_backward__shifted_rows(student: Any, rng: np.random.Generator) -> None:
    logits, targets = draw_logits(rng, 6, 4)
    logits += torch.tensor([0.0, 1000.0, -1000.0, 500.0, -500.0, 50.0], dtype=torch.float64)[:, None]
    softmax_backward(student, logits, targets, " where the rows lie 1000 apart")


def test_softmax_cross_entropy_backward__the_inputs_come_back_unchanged(student: Any, rng: np.random.Generator) -> None:
    logits, targets = draw_logits(rng, 6, 4)
    student.call("softmax_cross_entropy_backward", logits, targets)
    unchanged(student, {"logits": logits, "targets": targets}, function="softmax_cross_entropy_backward")


def test_softmax_cross_entropy_backward__inputs_need_not_be_contiguous(student: Any, rng: np.random.Generator) -> None:
    logits, targets = draw_logits(rng, 6, 4)
    outcome = student.probe(probes.use, "softmax_cross_entropy_backward", logits, targets, transposed=True)
    compare_softmax(outcome["first"], logits, targets, about=" with logits that are not contiguous")


def test_softmax_cross_entropy_backward__can_be_called_twice(student: Any, rng: np.random.Generator) -> None:
    outcome = student.probe(probes.use, "softmax_cross_entropy_backward", *draw_logits(rng, 6, 4))
    twice(outcome, "softmax_cross_entropy_backward")


# What the next questions may call

_CELLS = {
    cell["id"]: "".join(cell["source"])
    for cell in json.loads(Path(__file__).with_name("lab02_backprop.ipynb").read_text(encoding="utf-8"))["cells"]
}
_OWNER = {name: question for question, names in NAMES.items() for name in names}


def solutions_of(*questions: str) -> dict[str, str]:
    """Return the source of the solution for each name of some questions."""
    return {name: _CELLS[question] for question in questions for name in NAMES[question]}


LENT = {
    "mlp_backward": solutions_of("dense_backward", "activation_backward", "softmax_cross_entropy_backward"),
    "train_by_hand": solutions_of(
        "dense_backward", "activation_backward", "softmax_cross_entropy_backward", "mlp_backward"
    ),
}


def judged(question: str, ask: Callable[[Mapping[str, str]], Any], judge: Callable[[Any], None]) -> None:
    """Judge an outcome with right versions of the other questions' names; where that fails, with the student's own.

    Both count: an answer that calls its own ``dense_backward`` with an argument more is as right as one that does not.
    """
    try:
        judge(ask(LENT[question]))
    except (AssertionError, StudentError) as error:
        if isinstance(error, StudentError) and error.kind != "raised":
            raise
        try:
            judge(ask({}))
        except (AssertionError, StudentError):
            raise error from None


# mlp_backward


def net_logits(X: Tensor, params: Parameters) -> Tensor:
    for W, b in params[:-1]:
        X = torch.relu(X @ W.T + b)
    W, b = params[-1]
    return X @ W.T + b


def net_gradients(X: Tensor, targets: Tensor, params: Parameters, variant: str = "") -> Parameters:
    """Return the gradients of a net, right or with one mistake."""
    inputs, sums, A = [], [], X
    for layer, (W, b) in enumerate(params):
        inputs.append(A)
        sums.append(A @ W.T + b)
        last = layer == len(params) - 1
        A = sums[-1] if variant == "linear" or (last and variant != "relu last") else torch.relu(sums[-1])
    p = torch.softmax(A, 0 if variant == "axis" else 1)
    grad = p - F.one_hot(targets, p.shape[1]).to(p.dtype)
    grad = grad / {"sum": 1, "twice": len(X) ** 2}.get(variant, len(X))
    if variant == "mask last":
        grad = grad * (sums[-1] > 0)
    found: Parameters = []
    for layer in reversed(range(len(params))):
        W = params[layer][0]
        if layer < len(params) - 1 and variant not in ("no mask", "linear"):
            z = sums[layer]
            mask = z >= 0 if variant == "mask at zero" else z > 0
            if variant == "mask below":
                mask = inputs[layer] > 0
            if variant == "mask above":
                mask = sums[layer + 1] > 0
            if variant == "mask of the gradient":
                mask = grad > 0
            if variant == "both masks":
                mask = mask & (grad > 0)
            grad = grad * (torch.relu(z) if variant == "activation" else mask)
        given = A if variant == "inputs above" and layer == len(params) - 1 else inputs[layer]
        if variant == "inputs above" and layer < len(params) - 1:
            given = inputs[layer + 1]
        if variant == "sums":
            given = X if layer == 0 else sums[layer - 1]
        grad_b = grad.mean(0) if variant == "bias mean" else grad.sum(0)
        found.append((grad.T @ given, grad_b))
        below = params[max(layer - 1, 0)][0] if variant == "weights below" else W
        grad = grad @ (below.T if variant == "transposed" else below)
    return found if variant == "reversed" else found[::-1]


MLP = {
    "the mean over the batch is missing; divide by N once": "sum",
    "grad_b is the mean over the batch; take the sum": "bias mean",
    "it is divided by N twice; the gradient for the logits brings its 1/N along": "twice",
    "the gradient does not pass through the ReLU; multiply it by the mask z > 0": "no mask",
    "the net has no ReLU at all, expected one between the layers": "linear",
    "ReLU is applied to the logits; there is none after the last layer": "relu last",
    "the gradient for the logits is masked; there is no ReLU after the last layer": "mask last",
    "the mask of z > 0 is from the layer below": "mask below",
    "the mask of z > 0 is from the layer above": "mask above",
    "the mask comes from the gradient; it comes from z": "mask of the gradient",
    "negative entries of the gradient are cut off; the mask comes from z alone": "both masks",
    "the gradient is multiplied by relu(z); multiply it by the slope, 0 or 1": "activation",
    "at z = 0 the slope of ReLU is 0": "mask at zero",
    "grad_W uses the layer's output; it uses what the layer was given": "inputs above",
    "grad_W uses z of the layer below; it uses relu(z), which the layer was given": "sums",
    "the gradients come in the wrong order; the first layer is first": "reversed",
    "the gradient goes back through W of the wrong layer": "weights below",
    "the gradient goes back through W transposed": "transposed",
    "the softmax runs along the wrong axis": "axis",
}


def draw_params(rng: np.random.Generator, sizes: Sequence[int], dtype: torch.dtype = torch.float64) -> Parameters:
    pairs = itertools.pairwise(sizes)
    return [(draw(rng, (n, m), dtype) * (2 / m) ** 0.5, 0.3 * draw(rng, (n,), dtype)) for m, n in pairs]


def pairs_of(result: Any, params: Parameters, *, name: str) -> list[tuple[Any, Any]]:
    """Return a result as pairs, having checked that it has one for each layer."""
    if not isinstance(result, list | tuple):
        hint = "; did the function forget its return?" if result is None else ""
        raise AssertionError(f"{name}: expected a list of pairs (W, b), got {type(result).__name__}{hint}")
    is_flat = len(result) == 2 * len(params) and all(isinstance(t, Tensor) for t in result)
    check(not is_flat, f"{name}: {len(result)} tensors in one list, expected one pair for each layer")
    pairs = all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in result)
    check(pairs, f"{name}: expected one pair of tensors for each layer")
    check(len(result) == len(params), f"{name}: {len(result)} pairs for {len(params)} layers, expected one each")
    return [(first, second) for first, second in result]


def compare_mlp(
    student: Any, X: Tensor, targets: Tensor, params: Parameters, *, about: str = "", container: str = "list"
) -> None:
    name = f"mlp_backward{about}"
    right = [t for pair in params for t in pair]

    def loss(*tensors: Tensor) -> Tensor:
        return F.cross_entropy(net_logits(X, list(zip(tensors[::2], tensors[1::2], strict=True))), targets)

    expected = gradients_of(loss, *right)

    def mistakes(index: int) -> Iterator[tuple[str, Tensor]]:
        for sentence, variant in MLP.items():
            try:
                wrong = net_gradients(X, targets, params, variant)
            except RuntimeError:
                continue  # this mistake does not fit these shapes
            yield sentence, wrong[index // 2][index % 2]

    def judge(outcome: Mapping[str, Any]) -> None:
        pairs = pairs_of(outcome["first"], params, name=name)
        got = [t for pair in pairs for t in pair]
        for i in sorted(range(len(expected)), key=lambda i: (-(i // 2), i % 2)):  # a backward pass begins at the end
            shape = tuple(expected[i].shape)
            same(
                got[i],
                expected[i],
                name=f"{name}, layer {i // 2 + 1} of {len(params)}: grad_{'Wb'[i % 2]}",
                mistakes=lambda i=i: dict(mistakes(i)),
                shapes={
                    shape[::-1]: "it is transposed",
                    (len(X), *shape): "sum over the batch",
                    tuple(expected[i ^ 1].shape): "the pairs are (grad_W, grad_b)",
                    tuple(expected[len(expected) - 2 - i + 2 * (i % 2)].shape): "the first layer is first in the list",
                },
                if_not_finite="; large logits must not overflow",
            )

    judged(
        "mlp_backward",
        lambda lent: student.probe(probes.mlp_backward, X, targets, params, lent, container=container),
        judge,
    )


def mlp_problem(
    rng: np.random.Generator, sizes: Sequence[int], n: int = 7, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor, Parameters]:
    return draw(rng, (n, sizes[0]), dtype), draw_targets(rng, n, sizes[-1]), draw_params(rng, sizes, dtype)


def test_mlp_backward__two_layers_equal_autograd(student: Any, rng: np.random.Generator) -> None:
    for sizes in ((3, 6, 4), (8, 5, 2)):
        compare_mlp(student, *mlp_problem(rng, sizes))


def test_mlp_backward__one_layer(student: Any, rng: np.random.Generator) -> None:
    compare_mlp(student, *mlp_problem(rng, (5, 3)), about=" of one layer")


def test_mlp_backward__deeper_nets(student: Any, rng: np.random.Generator) -> None:
    for sizes in ((4, 7, 6, 3), (3, 8, 7, 6, 5)):
        compare_mlp(student, *mlp_problem(rng, sizes), about=f" of {len(sizes) - 1} layers")


def test_mlp_backward__layers_of_one_width(student: Any, rng: np.random.Generator) -> None:
    compare_mlp(student, *mlp_problem(rng, (5, 5, 5, 5), n=5), about=" of layers that are all of one width")


def test_mlp_backward__one_sample(student: Any, rng: np.random.Generator) -> None:
    compare_mlp(student, *mlp_problem(rng, (4, 6, 5, 3), n=1), about=" with one sample")


def test_mlp_backward__float32(student: Any, rng: np.random.Generator) -> None:
    compare_mlp(student, *mlp_problem(rng, (4, 6, 3), dtype=torch.float32), about=" in float32")


def test_mlp_backward__sums_that_are_exactly_zero(student: Any, rng: np.random.Generator) -> None:
    X, targets, params = mlp_problem(rng, (4, 6, 5, 3), n=8)
    X[::2] = 0.0
    params = [(W, torch.where(torch.arange(len(b)) % 2 == 0, torch.zeros_like(b), b)) for W, b in params]
    compare_mlp(student, X, targets, params, about=" where some z are exactly 0")


def test_mlp_backward__dead_units(student: Any, rng: np.random.Generator) -> None:
    X, targets, params = mlp_problem(rng, (4, 6, 5, 3))
    params[0] = (params[0][0], params[0][1] - torch.tensor([50.0, 0, 0, 50, 0, 0], dtype=torch.float64))
    compare_mlp(student, X, targets, params, about=" with dead units")


def test_mlp_backward__large_logits(student: Any, rng: np.random.Generator) -> None:
    X, targets, params = mlp_problem(rng, (4, 6, 3))
    compare_mlp(student, 500 * X, targets, params, about=" with large logits")


def test_mlp_backward__params_may_be_a_tuple(student: Any, rng: np.random.Generator) -> None:
    problem = mlp_problem(rng, (4, 6, 3))
    compare_mlp(student, *problem, about=" with `params` given as a tuple", container="tuple")


def test_mlp_backward__the_inputs_come_back_unchanged(student: Any, rng: np.random.Generator) -> None:
    X, targets, params = mlp_problem(rng, (4, 6, 3))

    def judge(outcome: Mapping[str, Any]) -> None:
        check_unchanged(outcome["X"], X, name="mlp_backward: X")
        check_unchanged(outcome["targets"], targets, name="mlp_backward: targets")
        check(not outcome["changed"], "mlp_backward: the list params was changed; work on a copy of it")
        for after, before in zip(flatten(outcome["params"]), flatten(params), strict=True):
            check_unchanged(after, before, name="mlp_backward: a parameter (nothing is updated here)")

    judged("mlp_backward", lambda lent: student.probe(probes.mlp_backward, X, targets, params, lent), judge)


def test_mlp_backward__can_be_called_twice(student: Any, rng: np.random.Generator) -> None:
    problem = mlp_problem(rng, (4, 6, 3))

    def judge(outcome: Mapping[str, Any]) -> None:
        twice(outcome, "mlp_backward")

    judged("mlp_backward", lambda lent: student.probe(probes.mlp_backward, *problem, lent), judge)


def flatten(params: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    return [t for pair in params for t in pair]


# value


def steps_of(formula: str) -> list[Step]:
    """Return the steps of a formula in Python's notation; earlier statements name intermediate values.

    >>> steps_of("c = a * 2; c + c")
    [('c', 'mul', ['a', 2]), ('v1', 'add', ['c', 'c'])]
    """
    steps: list[Step] = []
    binary = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow"}

    def walk(node: ast.AST, name: str = "") -> str | float:
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Constant):
            return node.value  # type: ignore[return-value]
        if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant):
            return -node.operand.value  # type: ignore[operator]
        if isinstance(node, ast.BinOp):
            operation, inputs = binary[type(node.op)], [node.left, node.right]
        elif isinstance(node, ast.UnaryOp):
            operation, inputs = "neg", [node.operand]
        else:
            assert isinstance(node, ast.Call)
            operation, inputs = node.func.id, node.args  # type: ignore[attr-defined]
        operands = [walk(x) for x in inputs]
        name = name or f"v{len(steps)}"
        steps.append((name, operation, operands))
        return name

    for line in ast.parse(formula.replace("; ", "\n")).body:
        if isinstance(line, ast.Assign):
            walk(line.value, line.targets[0].id)  # type: ignore[attr-defined]
        else:
            walk(line.value)  # type: ignore[attr-defined]
    return steps


def by_torch(start: Mapping[str, float], graphs: Sequence[Sequence[Step]]) -> tuple[list[dict], list[dict]]:
    """Return data and gradients of all values after each graph, by PyTorch."""
    leaves = {name: torch.tensor(x, dtype=torch.float64, requires_grad=True) for name, x in start.items()}
    all_data, all_grads = [], []
    for steps in graphs:
        values = dict(leaves)
        for name, operation, inputs in steps:
            values[name] = probes.OPERATIONS[operation](*(values[x] if isinstance(x, str) else x for x in inputs))
        for value in values.values():
            value.retain_grad()
        values[steps[-1][0] if steps else next(iter(start))].backward()
        all_data.append({name: float(value.detach()) for name, value in values.items()})
        all_grads.append({name: 0.0 if v.grad is None else float(v.grad) for name, v in values.items()})
    return all_data, all_grads


def slopes(operation: str, inputs: Sequence[float], variant: str) -> list[float]:
    """Return the local slopes of an operation, right or with one mistake."""
    x, y = inputs[0], inputs[-1]
    if operation == "pow":
        right = y * x ** (y - 1) if y else 0.0
        wrong = {"pow factor": x ** (y - 1) if x else 0.0, "pow exponent": y * x**y, "pow square": 2 * x}
        return [wrong.get(variant, right), 0.0]
    if operation in ("exp", "tanh", "relu"):
        t = math.tanh(x)
        return [
            {
                "exp": {"exp one": 1.0, "exp x": x}.get(variant, math.exp(min(x, 700.0))),
                "tanh": {"tanh input": 1 - x**2, "tanh root": 1 - t, "tanh output": t}.get(variant, 1 - t**2),
                "relu": {"relu one": 1.0, "relu at zero": float(x >= 0), "relu data": max(x, 0.0)}.get(
                    variant, float(x > 0)
                ),
            }[operation]
        ]
    if operation == "neg":
        return [1.0 if variant == "minus" else -1.0]
    if operation == "add":
        return [1.0, 1.0]
    if operation == "sub":
        return [1.0, 1.0 if variant == "minus" else -1.0]
    if operation == "mul":
        return [x, y] if variant == "mul own" else [1.0, 1.0] if variant == "mul one" else [y, x]
    return [1 / y, {"div sign": 1, "div root": -y}.get(variant, -1) * x / y**2]


def by_hand(
    start: Mapping[str, float], graphs: Sequence[Sequence[Step]], all_data: Sequence[dict], variant: str = ""
) -> list[dict]:
    """Return the gradients of all values after each graph, right or with one mistake."""
    grads, found = dict.fromkeys(start, 0.0), []
    for steps, values in zip(graphs, all_data, strict=True):
        made = {name: (op, inputs) for name, op, inputs in steps}
        if variant == "fresh leaves":
            grads = dict.fromkeys(start, 0.0)
        grads = {name: grads.get(name, 0.0) for name in values} | dict.fromkeys(made, 0.0)

        def sources(name: str, made: Any = made, values: Any = values) -> list[tuple[str, float]]:
            op, inputs = made.get(name, ("", []))
            numbers = [values[x] if isinstance(x, str) else x for x in inputs]
            factors = slopes(op, numbers, variant) if op else []
            found = [(x, slope) for x, slope in zip(inputs, factors, strict=True) if isinstance(x, str)]
            return list(dict(found).items()) if variant == "once" else found

        order: list[str] = []

        def visit(name: str, order: list[str] = order) -> None:
            if name not in order:
                for source, _ in sources(name):
                    visit(source)
                order.append(name)

        root = steps[-1][0] if steps else next(iter(start))
        visit(root)
        order = order[::-1]
        if variant == "breadth first":
            order = [root]
            for name in order:
                order.extend(dict.fromkeys(source for source, _ in sources(name) if source not in order))
        if variant == "not reversed":
            order = order[::-1]
        grads[root] = 0.0 if variant == "no seed" else 1.0
        if variant == "again and again":
            budget = iter(range(5_000))

            def push(name: str) -> None:
                for source, slope in sources(name):
                    grads[source] += grads[name] * slope  # noqa: B023
                    if next(budget, None) is not None:  # noqa: B023
                        push(source)

            push(root)
        else:
            for name in order:
                for source, slope in sources(name):
                    grads[source] = grads[name] * slope + (0.0 if variant == "assign" else grads[source])
        found.append(dict(grads))
    return found


VALUE = {
    "backward() begins by setting its own grad to 1.0": "no seed",
    "grad is set, not added to: of a value that is used twice one part is lost; use +=": "assign",
    "a value that stands twice in one operation counts once; a + a has slope 2 towards a": "once",
    "a value passes its gradient on again each time that some arrives; visit each value once, in topological order": (
        "again and again"
    ),
    "a value passes its gradient on before all of it has arrived; visit them in topological order": "breadth first",
    "the order is not reversed; begin at the value whose backward() was called": "not reversed",
    "the leaves forget what an earlier graph gave them; add to their grad": "fresh leaves",
    "the slopes of * are swapped: a * b has slope b towards a": "mul own",
    "the slopes of * are 1; a * b has slope b towards a": "mul one",
    "a minus is lost: a - b has slope -1 towards b": "minus",
    "the slope of a / b towards b is -a / b^2, its sign is wrong": "div sign",
    "the slope of a / b towards b is -a / b^2, here it is divided by b only": "div root",
    "the slope of a**n is n a^(n-1), the factor n is missing": "pow factor",
    "the slope of a**n is n a^(n-1), the exponent is not lowered": "pow exponent",
    "the slope of a**n is n a^(n-1), here it is 2 a for every n": "pow square",
    "the slope of exp is exp itself, here it is 1": "exp one",
    "the slope of exp is exp itself, here it is the input": "exp x",
    "the slope of tanh is 1 - tanh^2, here it is 1 - x^2": "tanh input",
    "the slope of tanh is 1 - tanh^2, the square is missing": "tanh root",
    "the slope of tanh is 1 - tanh^2, here it is tanh": "tanh output",
    "the slope of relu at 0 is 0": "relu at zero",
    "the slope of relu is 1 everywhere; it is 0 where the input is not positive": "relu one",
    "the slope of relu is 0 or 1, here it is its output": "relu data",
}


def compare_graphs(
    student: Any,
    start: Mapping[str, float],
    graphs: Sequence[Sequence[Step]],
    about: str,
    *,
    leaves_only: bool = False,
    rtol: float = 1e-9,
) -> dict[str, Any]:
    """Build graphs of the student's values, and check data and gradients against PyTorch's."""
    told = student.probe(probes.graph, dict(start), [list(steps) for steps in graphs])
    name = f"Value: {about}"
    data, grads = by_torch(start, graphs)
    for leaf, value in told["before"].items():
        check(number(value, name=f"{name}: grad of {leaf}") == 0.0, f"{name}: grad is not 0.0 before backward()")
    for graph, right_data, right_grads in zip(told["graphs"], data, grads, strict=True):
        check(graph["is_value"], f"{name}: the result is a {graph['type']}, expected a Value")
        for key, value in graph["data"].items():
            got, want = number(value, name=f"{name}: data"), right_data[key]
            fine = math.isclose(got, want, rel_tol=rtol, abs_tol=1e-12)
            check(fine, f"{name}: wrong data{_of(key, start)}{_operands(got, key, right_data, graphs)}")
        for key, value in graph["grad"].items():
            if leaves_only and key not in start:
                continue
            got, want = number(value, name=f"{name}: grad{_of(key, start)}"), right_grads[key]
            if not math.isclose(got, want, rel_tol=rtol, abs_tol=1e-12):
                raise AssertionError(
                    f"{name}: wrong grad{_of(key, start)}{_known(student, told, start, graphs, leaves_only, data)}"
                )
        check(not graph["touched"], f"{name}: backward() changed the grad of a value that it was not made from")
    for leaf, value in told["leaves"].items():
        check(float(value) == start[leaf], f"{name}: data of a leaf changed during backward()")
    return dict(told)


def _of(key: str, start: Mapping[str, float]) -> str:
    return f" of {key}" if key in start else " of an intermediate value" if key != "v0" else ""


def _operands(got: float, key: str, data: Mapping[str, float], graphs: Sequence[Sequence[Step]]) -> str:
    """Say whether a result is that of the operands the other way round."""
    for steps in graphs:
        for name, operation, inputs in steps:
            x, y = (data.get(i) if isinstance(i, str) else i for i in (inputs[0], inputs[-1]))
            if name == key and operation in ("sub", "div") and None not in (x, y):
                other = y - x if operation == "sub" else (y / x if x else math.nan)
                if math.isclose(got, other, rel_tol=1e-9):
                    return "; the operands are the other way round (2 - a is not a - 2)"
    return ""


CONFIRM = {
    "mul": "a * b",
    "minus": "a - b",
    "div": "a / b",
    "pow": "a**3 + b",
    "exp": "exp(a) + b",
    "tanh": "tanh(a) + b",
    "relu": "relu(a) + relu(b)",
    "once": "c = a + a; c + b",
}
"""By the first word of a variant of ``slopes``: a formula, at numbers like no others, that has to show it as well."""


def _confirmed(student: Any, variant: str) -> bool:
    texts = [CONFIRM.get(variant.split()[0], "c = a * b; d = c * c; d + c + a"), "a + b"]
    start, graphs = {"a": 0.6, "b": -0.7}, [steps_of(text) for text in texts]
    try:
        told = student.probe(probes.graph, start, graphs)
    except StudentError:
        return True
    return _explains(told, by_hand(start, graphs, by_torch(start, graphs)[0], variant))


def _explains(told: Mapping[str, Any], wrong: Sequence[Mapping[str, float]]) -> bool:
    return all(
        isinstance(value, float | int) and math.isclose(value, other[key], rel_tol=1e-9, abs_tol=1e-12)
        for graph, other in zip(told["graphs"], wrong, strict=True)
        for key, value in graph["grad"].items()
    )


def _known(
    student: Any,
    told: Mapping[str, Any],
    start: Mapping[str, float],
    graphs: Sequence[Sequence[Step]],
    leaves_only: bool,
    data: Sequence[dict],
) -> str:
    """Return the sentence of the mistake that explains all gradients, after a semicolon."""
    if leaves_only:
        return ""  # large graphs: a smaller one names the mistake
    for sentence, variant in VALUE.items():
        try:
            wrong = by_hand(start, graphs, data, variant)
        except (ArithmeticError, TypeError):
            continue
        if _explains(told, wrong) and _confirmed(student, variant):
            return f"; {sentence}"
    return ""


def formula(student: Any, text: str, *more: str, about: str = "", **start: float) -> dict[str, Any]:
    return compare_graphs(student, start, [steps_of(t) for t in (text, *more)], f"{text.replace('; ', ', ')}{about}")


def uniform(rng: np.random.Generator, low: float = 0.3, high: float = 1.7) -> float:
    """Return a number away from 0, of either sign."""
    return float(rng.choice([-1, 1]) * rng.uniform(low, high))


def test_value__a_value_alone(student: Any, rng: np.random.Generator) -> None:
    told = compare_graphs(student, {"a": uniform(rng)}, [[]], "backward() of a value that was made from nothing")
    number(told["leaves"]["a"], name="Value: data")


def test_value__sums_and_products(student: Any, rng: np.random.Generator) -> None:
    for text in ("a + b", "a - b", "a * b", "a / b", "-a + b"):
        formula(student, text, a=uniform(rng), b=uniform(rng))


def test_value__functions(student: Any, rng: np.random.Generator) -> None:
    for text in ("exp(a)", "tanh(a)", "relu(a)"):
        for sign in (1, -1):
            formula(student, text, a=sign * float(rng.uniform(0.3, 1.7)), about=" at a positive a"[: 20 * (sign > 0)])


def test_value__numbers_on_either_side(student: Any, rng: np.random.Generator) -> None:
    for text in ("a + 3", "3 + a", "a - 3", "3 - a", "a * 3", "3 * a", "a / 4", "4 / a", "0.5 - a", "a + 0"):
        formula(student, text, a=uniform(rng))


def test_value__powers(student: Any, rng: np.random.Generator) -> None:
    for text in ("a**2", "a**3", "a**1", "a**-1", "a**-2", "a**0", "a**4.0"):
        formula(student, text, a=uniform(rng))
    for text in ("a**0.5", "a**-1.5", "a**2.7"):
        formula(student, text, a=abs(uniform(rng)))


def test_value__powers_of_zero(student: Any, rng: np.random.Generator) -> None:
    for text in ("a**2", "a**3", "a**1"):
        try:
            formula(student, text, about=" at a = 0", a=0.0)
        except StudentError as error:
            if "ZeroDivisionError" not in str(error):
                raise
            raise AssertionError(f"Value: {text} at a = 0: {error}; the slope is n a^(n-1), no division") from None


def test_value__a_value_used_twice(student: Any, rng: np.random.Generator) -> None:
    for text in ("a * a + a", "a + a", "a * a", "a * a * a - a", "a / a + a", "a - a * b", "a**2 * a"):
        formula(student, text, a=uniform(rng), b=uniform(rng))


def test_value__two_ways_from_one_value(student: Any, rng: np.random.Generator) -> None:
    for text in (
        "c = a * b; d = c * 2; e = c + d; e * c",
        "c = a + b; d = tanh(c); e = exp(c); d * e",
        "c = a * b; c * c + c",
        "c = a * b; d = c + a; e = c * d; f = d * e; e + f * c",
        "c = tanh(a); d = c * c; e = d * c; d + e * b",
    ):
        formula(student, text, a=uniform(rng), b=uniform(rng))


def test_value__a_ladder_of_values_used_twice(student: Any, rng: np.random.Generator) -> None:
    steps = "; ".join(f"c{i + 1} = c{i} * {0.7 + 0.1 * (i % 5)} + c{i} * {'ab'[i % 2]}" for i in range(9))
    compare_graphs(
        student,
        {"a": 0.4, "b": -0.3, "c0": uniform(rng)},
        [steps_of(steps)],
        "nine steps that use the one before twice",
    )


def test_value__equal_numbers_are_different_values(student: Any, rng: np.random.Generator) -> None:
    a, text = uniform(rng), "c = a * 2; d = b * 2; a * b + c * d * a"
    formula(student, text, a=a, b=a + 0.1)
    try:
        formula(student, text, a=a, b=a, about=" where a and b are equal")
    except AssertionError as error:
        said = str(error).partition(";")[0]
        raise AssertionError(f"{said}; equal numbers are taken for one value; tell values apart by id()") from None


def test_value__a_second_graph_adds_to_the_leaves(student: Any, rng: np.random.Generator) -> None:
    formula(
        student, "a * b + a", "c = a * a; c * b", "tanh(a) - b", a=uniform(rng), b=uniform(rng), about=", then others"
    )


def test_value__a_value_that_is_not_in_the_graph(student: Any, rng: np.random.Generator) -> None:
    formula(student, "c = b * 2; a * a", a=uniform(rng), b=uniform(rng))


def test_value__instances_share_nothing(student: Any, rng: np.random.Generator) -> None:
    start = {"a": uniform(rng), "b": uniform(rng)}
    for _ in range(2):
        formula(student, "c = a * b; c * c + a", about=" in a fresh graph", **start)


def test_value__relu_at_zero(student: Any, rng: np.random.Generator) -> None:
    formula(student, "relu(a) + 2 * a", a=0.0, about=" at a = 0")
    formula(student, "relu(a * b) + a", a=uniform(rng), b=0.0, about=" at b = 0")


def test_value__tanh_and_exp_far_out(student: Any, rng: np.random.Generator) -> None:
    for text, a in (("tanh(a)", 800.0), ("tanh(a)", -800.0), ("exp(a) * a", -800.0), ("tanh(a) * a", 20.0)):
        try:
            formula(student, text, a=a, about=f" at a = {a:g}")
        except StudentError as error:
            if "OverflowError" not in str(error):
                raise
            raise AssertionError(f"Value: {text} at a = {a:g}: {error}; math.tanh does not overflow") from None


def test_value__graphs_of_depth_300(student: Any, rng: np.random.Generator) -> None:
    steps: list[Step] = []
    for i in range(150):
        steps += [(f"p{i}", "mul", [f"t{i - 1}" if i else "a", "w"]), (f"t{i}", "tanh" if i % 3 else "add", [f"p{i}"])]
        if i % 3 == 0:
            steps[-1] = (f"t{i}", "add", [f"p{i}", 0.3])
    start = {"a": uniform(rng), "w": 0.9}
    compare_graphs(student, start, [steps], "a chain of 300 operations", leaves_only=True, rtol=1e-7)


def test_value__a_sum_of_many(student: Any, rng: np.random.Generator) -> None:
    steps: list[Step] = [("s0", "mul", ["a", "a"])]
    for i in range(1, 100):
        steps += [(f"m{i}", "mul", ["a", float(rng.normal())]), (f"s{i}", "add", [f"s{i - 1}", f"m{i}"])]
    compare_graphs(student, {"a": uniform(rng)}, [steps], "a sum of 100 terms of one value", leaves_only=True)


def test_value__random_graphs(student: Any, rng: np.random.Generator) -> None:
    for _ in range(5):
        start = {name: uniform(rng) for name in "abc"}
        compare_graphs(student, start, [random_steps(rng)], "a random formula of 25 operations")


def random_steps(rng: np.random.Generator) -> list[Step]:
    """Return 25 operations on values that are there already, the last of them a sum of the last few."""
    names, steps = ["a", "b", "c"], []
    for i in range(20):
        operation = str(rng.choice(["add", "sub", "mul", "tanh", "relu", "neg", "number"]))
        x, y = (str(rng.choice(names[-6:])) for _ in range(2))
        inputs: list[str | float] = [x] if operation in ("tanh", "relu", "neg") else [x, y]
        if operation == "number":
            operation, inputs = "mul", [x, float(rng.normal())]
        steps.append((f"v{i}", operation, inputs))
        names.append(f"v{i}")
    steps.append(("s0", "tanh", ["v19"]))
    for i, x in enumerate(names[-6:-2], 1):
        steps.append((f"s{i}", "add", [f"s{i - 1}", x]))
    return steps


# train_by_hand


def train(
    student: Any,
    X: Tensor,
    y: Tensor,
    runs: Sequence[Mapping[str, Any]],
    judge: Callable[[list[Parameters]], None],
    *,
    about: str = "",
) -> None:
    """Train once for each run, check types and shapes, and judge the parameters."""

    def checked(outcome: Mapping[str, Any]) -> None:
        check_unchanged(outcome["X"], X, name="train_by_hand: X")
        check_unchanged(outcome["y"], y, name="train_by_hand: y")
        results = []
        for run, result in zip(runs, outcome["results"], strict=True):
            k, hidden = int(y.max()) + 1, run["hidden"]
            shapes = ((hidden, X.shape[1]), (hidden,), (k, hidden), (k,))
            empty: Parameters = [(X, y)] * 2
            tensors = flatten(pairs_of(result, empty, name=f"train_by_hand{about}"))
            for label, got, shape in zip(("W1", "b1", "W2", "b2"), tensors, shapes, strict=True):
                name = f"train_by_hand{about}: {label}"
                classes = {
                    (int(y.unique().numel()), *shape[1:]): "K is the largest label + 1, not the number of labels"
                }
                if isinstance(got, Tensor) and tuple(got.shape) in classes and tuple(got.shape) != shape:
                    check(False, f"{name}: expected shape {shape}, got {tuple(got.shape)}; {classes[tuple(got.shape)]}")
                diverged = "; the training diverges, does each step go downhill?"
                plain = check_tensor(got, name=name, shape=shape, dtype=torch.float32, finite=False)
                check(bool(plain.isfinite().all()), f"{name}: inf or nan{diverged}")
            W1, b1, W2, b2 = (t.detach() for t in tensors)
            results.append([(W1, b1), (W2, b2)])
        judge(results)

    runs = [dict(run) for run in runs]
    judged("train_by_hand", lambda lent: student.probe(probes.train, X, y, runs, lent), checked)


def draw_rows(rng: np.random.Generator, n: int, d: int = 4, classes: int = 3) -> tuple[Tensor, Tensor]:
    """Return rows and labels, every class among them."""
    y = torch.from_numpy(rng.permutation(np.append(np.arange(classes), rng.integers(0, classes, n - classes))))
    return 1.5 * draw(rng, (n, d), torch.float32), y


def descend(
    params: Parameters,
    X: Tensor,
    y: Tensor,
    batches: Sequence[Sequence[int]],
    lr: float,
    variant: str = "",
    targets: Sequence[Sequence[int]] | None = None,
) -> Tensor:
    """Return all parameters, as one vector, after SGD steps on the given batches, or after steps with one mistake."""
    for rows, labels in zip(batches, targets or batches, strict=True):
        inputs, wanted = X[list(rows)], y[list(labels)]
        grads = net_gradients(inputs, wanted, params, "sum" if variant == "sum" else "")
        scale = {
            "batch size": len(rows) / max(map(len, batches)),
            "all rows": len(rows) / len(X),
            "twice": 1 / len(rows),
        }.get(variant, 1.0)
        last = (params[1][0] - lr * grads[1][0], params[1][1] - lr * grads[1][1])
        if variant == "recomputed":
            grads = [net_gradients(inputs, wanted, [params[0], last])[0], grads[1]]
        if variant == "updated":
            masked = (
                (net_logits(inputs, params).softmax(1) - F.one_hot(wanted, len(params[1][1]))) / len(rows) @ last[0]
            )
            masked = masked * (inputs @ params[0][0].T + params[0][1] > 0)
            grads = [(masked.T @ inputs, masked.sum(0)), grads[1]]
        rate = {"uphill": -lr, "still": 0.0}.get(variant, lr) * scale
        params = [
            (
                W - (0.0 if variant == "last only" and i == 0 else rate) * gW,
                b - (0.0 if variant == "no bias" or (variant == "last only" and i == 0) else rate) * gb,
            )
            for i, ((W, b), (gW, gb)) in enumerate(zip(params, grads, strict=True))
        ]
    return flat(flatten(params))


STEPS = {
    "the parameters have not moved; is the new value stored?": "still",
    "the steps go uphill; subtract lr times the gradient": "uphill",
    "the gradient is summed over the batch; take the mean": "sum",
    "the step is divided by N once more; the gradient is that of the mean already": "twice",
    "only the last layer has moved; all parameters take the step": "last only",
    "the biases have not moved; is the new value stored?": "no bias",
    "the last layer takes its step before the gradient of the first is computed; compute all first": "recomputed",
    "W2 is updated before the gradient of the first layer is computed; compute all gradients first": "updated",
}


SHORT = "the last batch counts for less; its gradient is divided by its own number of rows"
LATER = "the first step is right, a later one is not; take the same lr in each, and carry nothing over to the next"


def test_train_by_hand__one_batch_is_one_step(student: Any, rng: np.random.Generator) -> None:
    X, y = draw_rows(rng, 9)
    for size, about in ((9, " on a single batch"), (64, " where batch_size is larger than N")):
        for epochs in (1, 3):
            run = {"hidden": 6, "epochs": epochs, "batch_size": size, "seed": int(rng.integers(2**31))}

            def judge(results: list[Parameters], epochs: int = epochs, about: str = about) -> None:
                start, end = results
                batches, got = [range(9)] * epochs, flat(flatten(end))
                same(
                    got,
                    descend(start, X, y, batches, 0.4),
                    name=f"train_by_hand{about}, {epochs} epoch{'s' * (epochs > 1)}: the parameters",
                    mistakes=lambda: (
                        {sentence: descend(start, X, y, batches, 0.4, variant) for sentence, variant in STEPS.items()}
                        | {SHORT: descend(start, X, y, batches, 0.4 * 9 / 64)}
                        | ({LATER: got} if epochs > 1 else {})
                    ),
                    tolerance=(1e-3, 1e-4),
                )

            train(student, X, y, [run | {"lr": 0.0}, run | {"lr": 0.4}], judge)


def test_train_by_hand__the_last_parameters_are_returned(student: Any, rng: np.random.Generator) -> None:
    """With so large a rate the loss goes up and down, and the last parameters are seldom the best ones."""
    X, y = draw_rows(rng, 9)

    def judge(results: list[Parameters]) -> None:
        for start, end in zip(results[::2], results[1::2], strict=True):
            got, want = flat(flatten(end)), descend(start, X, y, [range(9)] * 4, 8.0)
            steps = [descend(start, X, y, [range(9)] * n, 8.0) for n in (1, 2, 3)]
            early = any(close(got, step, 1e-2, 1e-2) for step in steps) and not close(got, want, 1e-2, 1e-2)
            known = {"these are the parameters of an earlier epoch; return the last ones": got} if early else {}
            name = "train_by_hand with a large lr, 4 epochs: the parameters"
            same(got, want, name=name, mistakes=known, tolerance=(1e-2, 1e-2))

    run = {"hidden": 6, "epochs": 4, "batch_size": 9}
    seeds = rng.integers(2**31, size=6)
    train(student, X, y, [run | {"seed": int(seed), "lr": lr} for seed in seeds for lr in (0.0, 8.0)], judge)


def partitions(n: int, size: int) -> list[tuple[tuple[int, ...], ...]]:
    """Return every way to cut n rows, in any order, into batches of a size, the last one short."""
    ways = {
        tuple(tuple(sorted(order[i : i + size])) for i in range(0, n, size))
        for order in itertools.permutations(range(n))
    }
    return sorted(ways)


def fitting(end: Tensor, candidates: Mapping[Any, Tensor]) -> list[Any]:
    """Return the keys of the candidates that are equal to rounding; small steps may leave more than one."""
    return [key for key, value in candidates.items() if float((end - value).abs().max()) < 1e-4]


def batches_of(start: Parameters, end: Parameters, X: Tensor, y: Tensor, size: int, *, about: str) -> list[Any]:
    """Return all ways to cut the rows into batches that lead from start to end; none: say which mistake does."""
    n, got = len(X), flat(flatten(end))
    ways = partitions(n, size)

    def ends(ways: Sequence[Any], variant: str = "") -> dict[Any, Tensor]:
        return {way: descend(start, X, y, way, 0.5, variant) for way in ways}

    def apart() -> dict[Any, Tensor]:
        cut = {order: [order[i : i + size] for i in range(0, n, size)] for order in itertools.permutations(range(n))}
        plain = cut[tuple(range(n))]
        return {order: descend(start, X, y, rows, 0.5, targets=plain) for order, rows in cut.items()}

    if found := fitting(got, ends(ways)):
        return found
    known: dict[str, Callable[[], Mapping[Any, Tensor]]] = {
        "the last, smaller batch is left out": lambda: ends([way[:-1] for way in ways] if n % size else []),
        SHORT: lambda: ends(ways, "batch size"),
        "the rows are cut into equal parts; all batches but the last have batch_size rows": lambda: ends(
            partitions(n, math.ceil(n / math.ceil(n / size)))
        ),
        "the gradient of a batch is divided by the number of all rows": lambda: ends(ways, "all rows"),
        "all rows are one batch": lambda: ends([(tuple(range(n)),)]),
        "only one batch is used": lambda: ends([way[:1] for way in ways]),
        "the epoch is run twice": lambda: ends([way * 2 for way in ways]),
        "rows and labels are not in the same order": apart,
    } | {sentence: lambda variant=variant: ends(ways, variant) for sentence, variant in STEPS.items()}
    odd = "a row is left out or used twice, or a step does more than subtract lr times the gradient"
    told = next((sentence for sentence, make in known.items() if fitting(got, make())), odd)
    raise AssertionError(f"train_by_hand {about}: the steps are not those of SGD; {told}")


def test_train_by_hand__an_epoch_uses_every_row_once(student: Any, rng: np.random.Generator) -> None:
    for n, size, about in ((5, 2, "with batches of 2, 2 and 1 rows"), (4, 3, "with batches of 3 and 1 rows")):
        X, y = draw_rows(rng, n)

        def judge(
            results: list[Parameters], X: Tensor = X, y: Tensor = y, size: int = size, about: str = about
        ) -> None:
            batches_of(*results, X, y, size, about=about)

        run = {"hidden": 6, "epochs": 1, "batch_size": size, "seed": int(rng.integers(2**31))}
        train(student, X, y, [run | {"lr": 0.0}, run | {"lr": 0.5}], judge)


def test_train_by_hand__a_row_meets_others_in_its_batch(student: Any, rng: np.random.Generator) -> None:
    X, y = draw_rows(rng, 4)

    def judge(results: list[Parameters]) -> None:
        pairs = [
            set(map(frozenset, batches_of(start, end, X, y, 2, about="with two batches of 2 rows")))
            for start, end in zip(results[::2], results[1::2], strict=True)
        ]
        fixed = "the same rows always share a batch; put the rows in a random order, then cut it into batches"
        check(not set.intersection(*pairs), f"train_by_hand with two batches of 2 rows, 12 seeds: {fixed}")

    run = {"hidden": 6, "epochs": 1, "batch_size": 2}
    seeds = rng.integers(2**31, size=12)  # by chance a right answer fails once in 170,000 times
    train(student, X, y, [run | {"seed": int(seed), "lr": lr} for seed in seeds for lr in (0.0, 0.5)], judge)


def test_train_by_hand__single_rows_in_a_new_random_order(student: Any, rng: np.random.Generator) -> None:
    X, y = draw_rows(rng, 3)
    orders = [tuple((i,) for i in order) for order in itertools.permutations(range(3))]
    turned = [(order[i:] + order[:i]) for order in orders[:1] for i in range(3)]

    def judge(results: list[Parameters]) -> None:
        firsts, plain, again, turns = set(orders), True, True, True
        for start, end in zip(results[::2], results[1::2], strict=True):
            found = fitting(
                flat(flatten(end)), {(a, b): descend(start, X, y, a + b, 0.3) for a in orders for b in orders}
            )
            name = "train_by_hand with batches of one row, two epochs"
            check(bool(found), f"{name}: the steps are not those of SGD")
            firsts &= {first for first, _ in found}
            plain = plain and any(first == orders[0] for first, _ in found)
            again = again and any(first == second for first, second in found)
            turns = turns and any(first in turned and second in turned for first, second in found)
            if not (plain or again or turns or firsts):
                return
        check(not plain, "train_by_hand: the rows are taken in the order in which they come; shuffle them")
        check(not firsts, "train_by_hand: the order of the rows does not depend on `generator`")
        check(not again, "train_by_hand: every epoch has the same order; draw a new one in each")
        check(not turns, "train_by_hand: an order only turns the rows around in a circle; shuffle them")

    run = {"hidden": 6, "batch_size": 1, "epochs": 2}
    seeds = rng.integers(2**31, size=8)  # by chance a right answer fails once in 100,000 times
    train(student, X, y, [run | {"seed": int(seed), "lr": lr} for seed in seeds for lr in (0.0, 0.3)], judge)


def test_train_by_hand__the_same_generator_gives_the_same_result(student: Any, rng: np.random.Generator) -> None:
    X, y = draw_rows(rng, 11)
    run = {"hidden": 6, "epochs": 2, "batch_size": 4, "lr": 0.2, "seed": int(rng.integers(2**31))}

    def judge(results: list[Parameters]) -> None:
        one, two, other, _, second = (flat(flatten(params)) for params in results)
        fault = "two runs from the same state of `generator` differ; draw nothing from the global generator"
        check(torch.equal(one, two), f"train_by_hand: {fault}")
        check(not torch.equal(one, other), "train_by_hand: another `generator` gives the same result; draw from it")
        fault = "the seed of `generator` is used, not its state; draw from `generator` itself"
        check(not torch.equal(one, second), f"train_by_hand: two runs in a row with one `generator` are equal; {fault}")

    runs = [run | {"other": 1}, run | {"other": 2}, run | {"seed": run["seed"] + 1}]
    train(student, X, y, [*runs, run, run | {"seed": None}], judge)


def test_train_by_hand__the_start_is_random(student: Any, rng: np.random.Generator) -> None:
    X, y = draw_rows(rng, 11, d=7)
    run = {"hidden": 20, "epochs": 1, "batch_size": 4, "lr": 0.0}

    def judge(results: list[Parameters]) -> None:
        for i, label in enumerate(("W1", "W2")):
            first, other = results[0][i][0], results[1][i][0]
            check(
                bool(first.any()), f"train_by_hand: {label} starts at zero, so that no unit ever differs from another"
            )
            twins = bool((first == first[0]).all()) or bool((first == first[:, :1]).all())
            check(not twins, f"train_by_hand: the units of {label} start alike and will stay alike")
            check(not torch.equal(first, other), f"train_by_hand: {label} starts alike for every state of `generator`")

    train(student, X, y, [run | {"seed": int(s)} for s in rng.integers(2**31, size=2)], judge)


def test_train_by_hand__labels_with_gaps(student: Any, rng: np.random.Generator) -> None:
    X, y = draw_rows(rng, 8, classes=3)
    y = torch.tensor([0, 1, 4])[y]
    run = {"hidden": 5, "epochs": 1, "batch_size": 3, "lr": 0.1, "seed": 1}
    train(student, X, y, [run], lambda results: None, about=" with the labels 0, 1 and 4")


def draw_digits(rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return rows to train on and rows to judge by; pixels and labels are renamed, which means nothing to a net."""
    split = data.load("digits", seed=int(rng.integers(2**31)))
    pixels = torch.from_numpy(rng.permutation(64))
    names = torch.from_numpy(rng.permutation(10))
    held_out = torch.cat([split.X_val, split.X_test]), torch.cat([split.y_val, split.y_test])
    return split.X_train[:, pixels], names[split.y_train], held_out[0][:, pixels], names[held_out[1]]


# Over 24 seeds (tests/labs/test_lab02.py prints them) the solution's loss is at most 0.74 and its accuracy at least
# 0.93. The limits leave room for other starts: with weights of size 0.01 to 1 they were 0.75 and 0.907.
FIRST = {"hidden": 32, "batch_size": 8, "epochs": 1, "lr": 0.3}
FIRST_LOSS = 1.5
LONG = {"hidden": 32, "batch_size": 8, "epochs": 10, "lr": 0.1}
ACCURACY = 0.87


def test_train_by_hand__the_loss_falls_in_the_first_epoch(student: Any, rng: np.random.Generator) -> None:
    X, y, _, _ = draw_digits(rng)

    def judge(results: list[Parameters]) -> None:
        loss = float(F.cross_entropy(net_logits(X, results[0]), y))
        check(
            loss < FIRST_LOSS, f"train_by_hand on digits: loss {loss:.2f} after one epoch, expected below {FIRST_LOSS}"
        )

    train(student, X, y, [FIRST | {"seed": int(rng.integers(2**31))}], judge)


def test_train_by_hand__accuracy_on_rows_not_seen(student: Any, rng: np.random.Generator) -> None:
    X, y, held_out, labels = draw_digits(rng)

    def judge(results: list[Parameters]) -> None:
        right = float((net_logits(held_out, results[0]).argmax(1) == labels).float().mean())
        check(right > ACCURACY, f"train_by_hand on digits: accuracy {right:.2f} on rows not seen, expected {ACCURACY}")

    train(student, X, y, [LONG | {"seed": int(rng.integers(2**31))}], judge)
