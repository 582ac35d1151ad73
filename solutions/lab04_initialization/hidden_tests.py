"""The hidden tests of lab 04: one property each, ``test_<question>__<property>(student, rng)``.

The student's code is reached only through ``student`` (plain data in, plain data out). What is random is judged by
``fits`` and ``check_law``, the very code of the notebook's visible tests: bounds that a right answer misses less than
once in a hundred million fills. Where the spread is another one, the tests know what a mistake would have given and
name the one that fits.

Questions that call the answer to another one get a right version of it, from the solution, for the time of the call
(``LENT``); where the student's code does not get on with it, their own version decides.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import probes
import torch
import torch.nn.functional as F
from probes import Layer
from torch import Tensor

from autograder.student import StudentError
from autograder.testing import FROM_SCRATCH, TOLERANCE, close, draw, flat, number, register
from nnutils.checks import check, check_tensor, check_unchanged

NAMES = {
    "fan_in_and_fan_out": ("fan_in_and_fan_out",),
    "fillers": ("xavier_uniform_", "xavier_normal_", "he_uniform_", "he_normal_"),
    "gain": ("gain",),
    "activation_statistics": ("activation_statistics",),
    "initialize": ("initialize",),
    "symmetry_gap": ("symmetry_gap",),
}

REFUSED = dict.fromkeys(NAMES, ("torch.nn.init", *FROM_SCRATCH))

_CELLS = {
    cell["id"]: "".join(cell["source"])
    for cell in json.loads(Path(__file__).with_name("lab04_initialization.ipynb").read_text(encoding="utf-8"))["cells"]
}
_law: dict[str, Any] = {"torch": torch, "Tensor": Tensor, "check": check, "check_tensor": check_tensor}
for _cell in ("law", "check_law"):
    exec(_CELLS[_cell], _law)
fits, check_law = _law["fits"], _law["check_law"]


def solutions_of(*questions: str) -> dict[str, str]:
    """Return the source of the solution for each name of some questions."""
    return {name: _CELLS[question] for question in questions for name in NAMES[question]}


LENT = {
    "fillers": solutions_of("fan_in_and_fan_out", "gain"),
    "initialize": solutions_of("fan_in_and_fan_out", "gain", "fillers"),
}


def judged(question: str, ask: Callable[[Mapping[str, str]], Any], judge: Callable[[Any], None]) -> None:
    """Judge an outcome with right versions of the other questions' names; where that fails, with the student's own."""
    try:
        judge(ask(LENT[question]))
    except (AssertionError, StudentError) as error:
        if isinstance(error, StudentError) and error.kind != "raised":
            raise
        try:
            judge(ask({}))
        except (AssertionError, StudentError):
            raise error from None


def must_raise(student: Any, name: str, what: str, *arguments: Any) -> None:
    got = student.probe(probes.raised, name, *arguments)
    check(got == "ValueError", f"{name} of {what}: expected a ValueError, got {got or 'a result'}")


# fan_in_and_fan_out


def compare_fans(student: Any, shape: Sequence[int], about: str = "") -> None:
    outputs, inputs, *kernel = shape
    window = math.prod(kernel)
    right = (inputs * window, outputs * window)
    mistakes = {
        right[::-1]: "fan_in and fan_out are swapped; the shape is (out, in, ...)",
        (inputs, outputs): "the kernel is not counted",
        (inputs * window, outputs): "the kernel is counted in fan_in only; it belongs to both",
        (inputs, outputs * window): "the kernel is counted in fan_out only; it belongs to both",
        (
            inputs**2 * window,
            inputs * outputs * window,
        ): "the input channels count in the product; only the kernel does",
        (inputs + window, outputs + window): "the kernel is added; multiply by it",
    }
    if kernel:
        first = kernel[0]
        mistakes[inputs * first, outputs * first] = "only the first axis of the kernel counts; multiply all of them"
        mistakes[inputs * first**2, outputs * first**2] = "the kernel is taken as square; multiply its axes"
        pair = math.prod(kernel[:2])
        mistakes[inputs * pair, outputs * pair] = "only two axes of the kernel count; multiply all of them"
        triple = math.prod(kernel[:3])
        mistakes[inputs * triple, outputs * triple] = "only three axes of the kernel count; multiply all of them"
        once = math.prod(set(kernel))
        mistakes[inputs * once, outputs * once] = "equal axes of the kernel count once; multiply all of them"
    mistakes.pop(right, None)
    outcome = student.probe(probes.fans, shape)
    for kind, found in outcome["found"].items():
        name = f"fan_in_and_fan_out of the shape of {about or 'a dense layer'}" + (
            f" (a {kind})" if kind != "tuple" else ""
        )
        two = isinstance(found, list | tuple) and len(found) == 2
        check(two, f"{name}: expected (fan_in, fan_out), got {type(found).__name__}")
        kinds = {type(fan).__name__ for fan in found if not isinstance(fan, int) or isinstance(fan, bool)}
        check(not kinds, f"{name}: expected two ints, got {', '.join(sorted(kinds))}")
        told = f"; {mistakes[tuple(found)]}" if tuple(found) in mistakes else ""
        check(tuple(found) == right, f"{name}: wrong numbers{told}")
    check(outcome["list"] == list(shape), "fan_in_and_fan_out: the shape was changed; work on a copy")


def sizes(rng: np.random.Generator, axes: int, low: int = 2, high: int = 12) -> tuple[int, ...]:
    """Return sizes that differ from each other."""
    return tuple(int(n) for n in rng.choice(np.arange(low, high), size=axes, replace=False))


def test_fan_in_and_fan_out__of_dense_layers_and_convolutions(student: Any, rng: np.random.Generator) -> None:
    compare_fans(student, sizes(rng, 2, high=100))
    compare_fans(student, sizes(rng, 4), "a convolution")


def test_fan_in_and_fan_out__kernels_with_one_three_and_four_axes(student: Any, rng: np.random.Generator) -> None:
    compare_fans(student, sizes(rng, 3), "a convolution with a kernel of one axis")
    compare_fans(student, sizes(rng, 5), "a convolution with a kernel of three axes")
    compare_fans(student, sizes(rng, 6), "a convolution with a kernel of four axes")


def test_fan_in_and_fan_out__sizes_of_one(student: Any, rng: np.random.Generator) -> None:
    a, b = sizes(rng, 2)
    compare_fans(student, (1, a), "a dense layer with one output")
    compare_fans(student, (a, b, 1, 1), "a convolution with a kernel of one pixel")
    compare_fans(student, (1, a, 1, b), "a convolution with a flat kernel")


def test_fan_in_and_fan_out__equal_axes_and_large_layers(student: Any, rng: np.random.Generator) -> None:
    a, b, k = sizes(rng, 3)
    compare_fans(student, (a, b, k, k), "a convolution with a square kernel")
    a, b = (2 * int(n) + 4097 for n in rng.choice(1000, 2, replace=False))  # odd: their product is no float32 number
    compare_fans(student, (a, b), "a dense layer with many millions of weights")


def test_fan_in_and_fan_out__fewer_than_two_axes(student: Any, rng: np.random.Generator) -> None:
    for shape in (sizes(rng, 1), ()):
        must_raise(student, "fan_in_and_fan_out", "a shape with fewer than two axes", shape)


# fillers

DENSE, WIDE, IMAGE, SIGNAL, LARGE = (400, 50), (40, 500), (48, 12, 5, 3), (40, 20, 7), (800, 250)
"""Shapes of 5,600 entries and more: a standard deviation is right to 6 / sqrt(2 n), 6 % or less.

The largest of 200,000 normal numbers lies beyond 3.8 standard deviations, but for once in a billion fills.
"""


def usual(name: str) -> float:
    return 1.0 if name.startswith("xavier") else 2**0.5


def deviation(name: str, shape: Sequence[int], g: float) -> float:
    """Return the standard deviation that a filler has to give."""
    window = math.prod(shape[2:])
    fan_in, fan_out = shape[1] * window, shape[0] * window
    return g * (2 / (fan_in + fan_out)) ** 0.5 if name.startswith("xavier") else g / fan_in**0.5


def mistaken_deviations(name: str, shape: Sequence[int], g: float) -> dict[str, float]:
    """Return what known mistakes would give, under the sentences that name them."""
    window, std = math.prod(shape[2:]), deviation(name, shape, g)
    i, o = shape[1] * window, shape[0] * window
    found = {
        "this is the variance; the standard deviation is its root": std**2,
        "the gain has no effect": std / g * usual(name),
        "the gain enters under the root; multiply the root by it": std / g**0.5,
        "the kernel is not counted in fan_in and fan_out": std * window**0.5,
        "the 2 is missing": std / 2**0.5,
        "the numbers are not scaled": 1.0,
        "the gain is squared; multiply by it once": std * g,
        "the root of the variance is taken twice": std**0.5,
    }
    if name.startswith("xavier"):
        found["this takes fan_in alone; Xavier takes fan_in + fan_out"] = g / i**0.5
        found["this is the root of 2 / fan_in; Xavier takes fan_in + fan_out"] = g * (2 / i) ** 0.5
        found["this takes fan_out alone; Xavier takes fan_in + fan_out"] = g / o**0.5
        found["the kernel is counted in fan_in only; it belongs to both"] = g * (2 / (i + o / window)) ** 0.5
    else:
        found["this takes fan_out; He takes fan_in"] = g / o**0.5
        found["this takes fan_in + fan_out; He takes fan_in alone"] = g * (2 / (i + o)) ** 0.5
        found["the gain enters twice; it holds the root of 2 already"] = std * 2**0.5
    if name.endswith("uniform_"):
        found["the bound is the standard deviation; it is sqrt(3) times as large"] = std / 3**0.5
        found["the bound is 3 times the standard deviation; it is sqrt(3) times as large"] = std * 3**0.5
        found["the interval has twice the width; its half is the bound"] = std * 2
    else:
        found["this is the bound of the uniform distribution; the normal one takes the standard deviation"] = (
            std * 3**0.5
        )
    return {sentence: wrong for sentence, wrong in found.items() if abs(wrong / std - 1) > 1e-3}


STILL = "; it is filled in place by tensor.normal_, tensor.uniform_ or tensor.copy_, under torch.no_grad()"


def seen(outcome: Mapping[str, Any], name: str) -> Tensor:
    """Return the numbers of a fill after checking where they stand."""
    values: Tensor = check_tensor(outcome["values"], name=name, finite=False)
    forgotten = outcome["returned"] == "NoneType"
    check(not forgotten, f"{name}: returns None; did the function forget its return?")
    check(not bool((values == probes.START).all()), f"{name}: the tensor that was given is not filled{STILL}")
    check(outcome["same"], f"{name}: returns another tensor than the one that was given{STILL}")
    return values


def filled(
    student: Any, name: str, shape: Sequence[int], judge: Callable[..., None], *runs: Mapping[str, Any], **how: Any
) -> None:
    """Judge the fills of some runs, each the result of ``seen``."""
    judged(
        "fillers",
        lambda lent: student.probe(probes.fill, name, shape, runs or [{"seed": 1}], lent, **how),
        lambda outcomes: judge(*outcomes),
    )


def lawful(student: Any, rng: np.random.Generator, name: str, shape: Sequence[int], about: str, **how: Any) -> None:
    """Check the distribution of a fill; ``gain`` is passed where it is given."""
    run = {"seed": int(rng.integers(2**31))} | ({"gain": how.pop("gain")} if "gain" in how else {})
    g = run.get("gain", usual(name))

    def judge(outcome: Mapping[str, Any]) -> None:
        values, whole = seen(outcome, name), f"{name} of {about}"
        law = name.split("_")[1]
        check_law(whole, values, law, deviation(name, shape, g), mistaken_deviations(name, shape, g))

    filled(student, name, shape, judge, run, **how)


def a_dense_layer(student: Any, rng: np.random.Generator, name: str) -> None:
    lawful(student, rng, name, DENSE, "a dense layer")
    lawful(student, rng, name, WIDE, "a dense layer with many inputs")
    lawful(student, rng, name, LARGE, "a dense layer with 200,000 weights")


def a_convolution(student: Any, rng: np.random.Generator, name: str) -> None:
    lawful(student, rng, name, IMAGE, "a convolution")
    lawful(student, rng, name, SIGNAL, "a convolution with a kernel of one axis")


def the_gain_multiplies_the_standard_deviation(student: Any, rng: np.random.Generator, name: str) -> None:
    for g in (0.4, 3.0):
        lawful(student, rng, name, DENSE, "a dense layer with another gain", gain=g)


def in_place_and_returned(student: Any, rng: np.random.Generator, name: str) -> None:
    filled(student, name, (6, 4), lambda outcome: check_tensor(seen(outcome, name), name=name))


def a_parameter_still_requires_a_gradient(student: Any, rng: np.random.Generator, name: str) -> None:
    def judge(outcome: Mapping[str, Any]) -> None:
        seen(outcome, f"{name} of a parameter")
        kept = outcome["requires_grad"] and outcome["is_leaf"]
        check(kept, f"{name} of a parameter: the leaf no longer requires a gradient{STILL}")

    def of_a_tensor(outcome: Mapping[str, Any]) -> None:
        free = not outcome["requires_grad"]
        check(free, f"{name}: a tensor that required no gradient requires one afterwards; leave that as it is")

    filled(student, name, (6, 4), judge, kind="parameter")
    filled(student, name, (6, 4), of_a_tensor)


def a_part_of_a_larger_tensor(student: Any, rng: np.random.Generator, name: str) -> None:
    def judge(outcome: Mapping[str, Any]) -> None:
        values, about = seen(outcome, f"{name} of a part of a larger tensor"), f"{name} of a part of a larger tensor"
        check(outcome["around"], f"{about}: entries around the part have changed")
        every = not bool((values == probes.START).any())
        check(every, f"{about}: some entries were not filled; view and reshape(-1) may be copies")

    filled(student, name, (6, 4), judge, kind="part")


def float64_tensors(student: Any, rng: np.random.Generator, name: str) -> None:
    def judge(outcome: Mapping[str, Any]) -> None:
        values = seen(outcome, f"{name} of a float64 tensor")
        kept = values.dtype == torch.float64
        check(kept, f"{name} of a float64 tensor: it has another dtype afterwards")

    filled(student, name, (6, 4), judge, dtype="float64")
    lawful(student, rng, name, DENSE, "a float64 tensor", dtype="float64")


def the_generator_decides(student: Any, rng: np.random.Generator, name: str) -> None:
    def judge(*outcomes: Mapping[str, Any]) -> None:
        first, again, other, more = (seen(outcome, name) for outcome in outcomes)
        check(torch.equal(first, again), f"{name}: the same state of `generator` gives other numbers")
        check(not torch.equal(first, other), f"{name}: another state of `generator` gives the same numbers")
        fresh = not torch.equal(other, more)
        check(fresh, f"{name}: two fills with one generator are equal; do not set its seed, and let it go on")
        fills = torch.stack([first, other, more]).double().flatten(1) / deviation(name, first.shape, usual(name))
        off = [fills.mean(1), *(fills.std(1, correction=c) - 1 for c in (0, 1))]
        exact = any(bool((numbers.abs() < 1e-5).all()) for numbers in off)  # by chance: once in a billion times
        told = "mean or standard deviation is exact in every fill; draw each entry independently, and rescale nothing"
        check(not exact, f"{name}: {told}")

    runs = [{"seed": 3, "other": 1}, {"seed": 3, "other": 2}, {"seed": 4, "other": 2}, {"seed": None, "other": 2}]
    filled(student, name, (30, 20), judge, *runs)


def with_a_generator_the_global_one_is_untouched(student: Any, rng: np.random.Generator, name: str) -> None:
    def judge(outcome: Mapping[str, Any]) -> None:
        seen(outcome, name)
        told = f"{name}: PyTorch's global generator was used; draw from `generator` where it is given"
        check(not outcome["global"], told)

    filled(student, name, (6, 4), judge)


def without_a_generator_the_global_one_draws(student: Any, rng: np.random.Generator, name: str) -> None:
    def judge(*outcomes: Mapping[str, Any]) -> None:
        first, again, more = (seen(outcome, f"{name} without a generator") for outcome in outcomes)
        told = f"{name} without a generator: torch.manual_seed does not decide; draw from PyTorch's global generator"
        check(torch.equal(first, again), told)
        fresh = not torch.equal(first, more)
        check(fresh, f"{name} without a generator: every fill is the same; set no seed")

    filled(student, name, (30, 20), judge, {"other": 5}, {"other": 5}, {})


register(
    globals(),
    "fillers",
    (
        *(a_dense_layer, a_convolution, the_gain_multiplies_the_standard_deviation, in_place_and_returned),
        *(a_parameter_still_requires_a_gradient, a_part_of_a_larger_tensor, float64_tensors, the_generator_decides),
        *(with_a_generator_the_global_one_is_untouched, without_a_generator_the_global_one_draws),
    ),
    NAMES["fillers"],
)


# gain


def compare_gain(student: Any, nonlinearity: str, slope: float | None = None) -> None:
    settings, s = ({}, 0.01) if slope is None else ({"slope": slope}, slope)
    of_leaky = (2 / (1 + s**2)) ** 0.5
    rights = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": 2**0.5, "leaky_relu": of_leaky}
    right, about = rights[nonlinearity], f"gain of {nonlinearity!r}" + ("" if slope is None else " with a slope")
    value = number(student.call("gain", nonlinearity, **settings), name=about)
    mistakes = {
        "this is its square; take the root": right**2,
        "only leaky_relu has a slope": of_leaky,
        "the slope has no effect; its default is used": (2 / 1.0001) ** 0.5,
        "this is the gain of ReLU; the slope counts": 2**0.5,
        "the slope is not squared": (2 / abs(1 + s)) ** 0.5 if s != -1 else right,
        "the 2 is missing": (1 / (1 + s**2)) ** 0.5,
        "the gain is turned upside down": 1 / right,
        "the slope is squared twice": (2 / (1 + s**4)) ** 0.5,
        "right to a few digits only; compute it": round(right, 4),
    }
    known = [f"; {text}" for text, wrong in mistakes.items() if math.isclose(value, wrong, rel_tol=1e-5)]
    if math.isclose(value, right, rel_tol=1e-3) and not known:
        known = ["; right to a few digits only; compute it"]
    check(math.isclose(value, right, rel_tol=1e-6), f"{about}: wrong number{''.join(known[:1])}")


FIVE = ("linear", "sigmoid", "tanh", "relu", "leaky_relu")


def test_gain__of_the_five_names(student: Any, rng: np.random.Generator) -> None:
    for name in FIVE:
        compare_gain(student, name)
    compare_gain(student, "leaky_relu", float(rng.uniform(0.3, 2.0)))


def test_gain__slopes_of_leaky_relu(student: Any, rng: np.random.Generator) -> None:
    for slope in (0.0, 1.0, float(rng.uniform(0.05, 0.9)), float(rng.uniform(1.5, 5.0)), -float(rng.uniform(0.2, 0.8))):
        compare_gain(student, "leaky_relu", slope)


def test_gain__the_others_have_no_slope(student: Any, rng: np.random.Generator) -> None:
    for name in FIVE[:4]:
        compare_gain(student, name, float(rng.uniform(0.3, 2.0)))


def test_gain__unknown_names(student: Any, rng: np.random.Generator) -> None:
    for name in ("selu", "prelu", "ReLU", "leaky", "tanhshrink", ""):
        must_raise(student, "gain", "an unknown name", name)


# activation_statistics

OVERWRITTEN = "the outputs were kept and an activation in place overwrote them; take the numbers in the hook, or copy"

SMALL: tuple[Layer, ...] = (
    *(("flatten",), ("linear", 6, 5), ("sigmoid",), ("dropout", 1.0)),
    *(("net", ("linear", 5, 4), ("tanh",), ("in place",)), ("linear", 4, 3), ("softmax",)),
)
ACTIVE = ("relu", "tanh", "sigmoid", "softmax", "gelu", "in place", "own", "scaled", "identity", "pool")
AUTOGRAD = "activation_statistics: autograd is switched {} afterwards; write `with torch.no_grad():`"


def draw_weights(rng: np.random.Generator, layers: Sequence[Layer]) -> list[Tensor]:
    return [draw(rng, w.shape) for w in probes.build(layers).parameters()]


def leaves(model: torch.nn.Module) -> list[torch.nn.Module]:
    return [module for module in model.modules() if not list(module.children())]


def flat_layers(layers: Sequence[Layer]) -> list[str]:
    return [kind for name, *inside in layers for kind in (flat_layers(inside) if name == "net" else [name])]


def table(outputs: Sequence[Tensor], correction: int = 1) -> Tensor:
    return torch.stack([torch.stack([t.mean(), t.std(correction=correction)]) for t in outputs]).detach()


def compare_statistics(
    student: Any, layers: Sequence[Layer], weights: Sequence[Tensor], X: Tensor, *, about: str = "", **how: Any
) -> None:
    """Check the statistics of a model."""
    train = bool(how.get("train"))

    def run(train: bool) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        inputs, outputs, every, a = [], [], [], X
        model = probes.build(layers, weights).train(train)
        model[0].eval()
        for kind, module in zip(flat_layers(layers), leaves(model), strict=True):
            before, a = a, module(a.clone()).detach()
            every.append(a)
            if kind in ACTIVE:
                inputs.append(before)
                outputs.append(a)
        return inputs, outputs, every

    outcome: dict[str, Any] = student.probe(probes.statistics, layers, weights, X, **how)
    (inputs, outputs, every), name = run(train), f"activation_statistics{about}"
    right, k = table(outputs), len(outputs)
    linear = [a for a, kind in zip(every, flat_layers(layers), strict=True) if kind == "linear"]
    check(outcome["modes"], "activation_statistics: a module is in another mode afterwards")
    for result in outcome["results"]:
        if result is not outcome["results"][0] and isinstance(result, list | tuple):
            told = "the second call gives more pairs than the first; remove your hooks, and begin with an empty list"
            check(len(result) <= len(outcome["results"][0]), f"{name}: {told}")
        pairs = isinstance(result, list | tuple) and all(isinstance(p, list | tuple) and len(p) == 2 for p in result)
        check(pairs, f"{name}: expected a list of pairs (mean, std), got {type(result).__name__}")
        kinds = flat_layers(layers)
        counts = {
            "; these are all modules": len(every),
            "; modules with parameters are none": sum(kind in ("linear", "conv", "prelu") for kind in kinds),
            "; nn.Dropout is none": sum(kind in (*ACTIVE, "dropout") for kind in kinds),
            "; nn.Flatten is none": sum(kind in (*ACTIVE, "flatten") for kind in kinds),
            "; a class derived from nn.Dropout or nn.Flatten is none": sum(
                kind in ACTIVE or kind.startswith("derived") for kind in kinds
            ),
            "; those of a Sequential inside the model count too": sum(layer[0] in ACTIVE for layer in layers),
        }
        fitting = [sentence for sentence, count in counts.items() if count == len(result)]
        told = fitting[0] if len(fitting) == 1 else ""  # a count that several mistakes give names none of them
        check(len(result) == k, f"{name}: {len(result)} pairs for a model with {k} activation modules{told}")
        tensors = any(isinstance(entry, Tensor) for pair in result for entry in pair)
        check(not tensors, f"{name}: expected floats, got tensors; use .item()")
        got = torch.tensor([[number(entry, name=name) for entry in pair] for pair in result], dtype=X.dtype)
        overwritten = [
            b if kind == "in place" else a
            for a, b, kind in zip(outputs, [*outputs[1:], outputs[-1]], _next_kinds(layers), strict=True)
        ]
        mistakes = {
            "this is std without Bessel's correction; take output.std()": table(outputs, 0),
            "these are the inputs of the activations; take the outputs": table(inputs),
            "these are the outputs of the linear layers; take those of the activations": table(linear),
            "the pairs are (std, mean)": right.flip(1),
            "the order is not that of the modules": right.flip(0),
            "the second number is the variance; std is its root": right ** torch.tensor([1, 2]),
            OVERWRITTEN: table(overwritten),
            "std is taken for each unit and averaged; take it of all entries together": torch.stack(
                [right[:, 0], torch.stack([t.flatten(1).std(0).mean() for t in outputs])], 1
            ),
            "this is the standard deviation of the units' means; take it of all entries together": torch.stack(
                [right[:, 0], torch.stack([t.flatten(1).mean(0).std() for t in outputs])], 1
            ),
        }
        if "dropout" in flat_layers(layers):
            other = run(not train)[1]
            mode = "train" if not train else "eval"
            mistakes[f"the model ran in {mode} mode; take the mode in which it comes"] = table(other)
        rtol, atol = TOLERANCE[X.dtype]
        if not close(got.nan_to_num(1e9), right, max(rtol, 1e-6), max(atol, 1e-8)):
            known = [
                text for text, wrong in mistakes.items() if wrong.shape == got.shape and close(got, wrong, 1e-5, 1e-7)
            ]
            check(False, f"{name}: wrong value" + (f"; {known[0]}" if known else ""))


def _next_kinds(layers: Sequence[Layer]) -> list[str]:
    kinds = flat_layers(layers)
    return [following for kind, following in zip(kinds, [*kinds[1:], ""], strict=True) if kind in ACTIVE]


def test_activation_statistics__of_a_net_with_a_net_inside(student: Any, rng: np.random.Generator) -> None:
    compare_statistics(student, SMALL, draw_weights(rng, SMALL), 2 * draw(rng, (7, 2, 3)))


def test_activation_statistics__of_convolutions(student: Any, rng: np.random.Generator) -> None:
    layers = (
        *(("conv", 2, 3, 3, 2), ("relu",), ("conv", 3, 4, 2, 2), ("tanh",), ("pool",)),
        *(("flatten",), ("linear", 8, 3)),
    )
    compare_statistics(
        student, layers, draw_weights(rng, layers), draw(rng, (4, 2, 6, 6)), about=" of a convolutional net"
    )


def test_activation_statistics__other_classes_of_modules(student: Any, rng: np.random.Generator) -> None:
    layers = (
        *(("linear", 4, 6), ("own",), ("linear", 6, 5), ("gelu",), ("linear", 5, 5), ("prelu",)),
        *(("identity",), ("scaled",), ("linear", 5, 3), ("softmax",)),
    )
    about = " of a net with GELU, PReLU, Identity, Softmax and modules of the learner's own, one with a buffer"
    compare_statistics(student, layers, draw_weights(rng, layers), draw(rng, (6, 4)), about=about)
    layers = (("derived flatten",), ("linear", 6, 5), ("own",), ("derived dropout", 1.0), ("linear", 5, 3), ("tanh",))
    about = " of a net with classes derived from nn.Flatten and nn.Dropout"
    compare_statistics(student, layers, draw_weights(rng, layers), draw(rng, (6, 2, 3)), about=about)


def test_activation_statistics__nets_inside_nets(student: Any, rng: np.random.Generator) -> None:
    inner: Layer = ("net", ("linear", 4, 4), ("tanh",), ("net", ("linear", 4, 4), ("sigmoid",)))
    layers = (
        ("linear", 3, 4),
        ("relu",),
        inner,
        (
            "net",
            (
                "net",
                ("tanh",),
            ),
        ),
        ("linear", 4, 2),
    )
    compare_statistics(student, layers, draw_weights(rng, layers), draw(rng, (6, 3)), about=" of nets inside nets")


def test_activation_statistics__activations_in_place(student: Any, rng: np.random.Generator) -> None:
    layers = (("linear", 4, 6), ("tanh",), ("in place",), ("linear", 6, 3), ("in place",))
    compare_statistics(
        student, layers, draw_weights(rng, layers), draw(rng, (6, 4)), about=" with activations in place"
    )


def test_activation_statistics__in_the_mode_in_which_it_comes(student: Any, rng: np.random.Generator) -> None:
    layers = (
        *(("linear", 4, 6), ("linear", 6, 6), ("sigmoid",), ("dropout", 1.0)),
        *(("linear", 6, 5), ("tanh",), ("linear", 5, 2)),
    )
    for train in (True, False):
        weights = draw_weights(rng, layers)
        compare_statistics(student, layers, weights, draw(rng, (6, 4)), about=" with dropout", train=train)


def test_activation_statistics__leaves_model_and_data_unchanged(student: Any, rng: np.random.Generator) -> None:
    X, weights = draw(rng, (7, 2, 3)), draw_weights(rng, SMALL)
    outcome = student.probe(probes.statistics, SMALL, weights, X)
    moved = any(not torch.equal(a, b) for a, b in zip(outcome["weights"], weights, strict=True))
    check(not moved, "activation_statistics: the weights of the model have changed")
    check(outcome["gradients"], "activation_statistics: a .grad of the model has changed")
    check(outcome["requires_grad"], "activation_statistics: a parameter no longer requires a gradient")
    check(outcome["places"], "activation_statistics: `inplace` of a module has changed")
    check(outcome["autograd"], AUTOGRAD.format("off"))
    check(outcome["runs"] <= 2, "activation_statistics: the model runs more than once in a call; run it once")
    check_unchanged(outcome["X"], X, name="activation_statistics: X")


def test_activation_statistics__removes_its_hooks_and_no_others(student: Any, rng: np.random.Generator) -> None:
    outcome = student.probe(probes.statistics, SMALL, draw_weights(rng, SMALL), draw(rng, (7, 2, 3)))
    told = "activation_statistics: the hooks are not those that were there before; remove yours, and no other"
    check(outcome["left"] == outcome["gone"] == 0, told)
    stuck = "activation_statistics: the handle of another's hook no longer removes it; remove yours by their handles"
    check(not outcome["stuck"], stuck)


def test_activation_statistics__when_the_model_raises(student: Any, rng: np.random.Generator) -> None:
    layers = (("linear", 4, 6), ("relu",), ("linear", 6, 5), ("tanh",), ("failing",))
    outcome = student.probe(probes.statistics, layers, draw_weights(rng, layers), draw(rng, (6, 4)), fails=True)
    swallowed = "activation_statistics: the error of a model that raises does not get through; let it pass"
    check(not outcome["swallowed"], swallowed)
    left = "activation_statistics: a hook is left when the model raises; remove the hooks in `finally:`"
    check(outcome["left"] == 0, left)
    check(outcome["gone"] == 0, "activation_statistics: hooks of others are gone; remove yours, and no other")
    check(outcome["autograd"], AUTOGRAD.format("off"))
    layers = (*layers[:-1], ("interrupted",))
    outcome = student.probe(probes.statistics, layers, draw_weights(rng, layers), draw(rng, (6, 4)), fails=True)
    check(not outcome["swallowed"], "activation_statistics: a KeyboardInterrupt does not get through; let it pass")
    left = "activation_statistics: a hook is left when the learner interrupts the run; remove the hooks in `finally:`"
    check(outcome["left"] == 0, left)


def test_activation_statistics__autograd_off_and_frozen_parameters(student: Any, rng: np.random.Generator) -> None:
    X, weights = draw(rng, (7, 2, 3)), draw_weights(rng, SMALL)
    about = " of a net with frozen parameters (they are parameters all the same)"
    compare_statistics(student, SMALL, weights, X, about=about, frozen=True)
    outcome = student.probe(probes.statistics, SMALL, weights, X, frozen=True)
    told = "activation_statistics: a frozen parameter requires a gradient afterwards; leave requires_grad as it was"
    check(outcome["requires_grad"], told)
    outcome = student.probe(probes.statistics, SMALL, weights, X, autograd=False)
    check(not outcome["autograd"], AUTOGRAD.format("on"))


# initialize

MIXED: tuple[Layer, ...] = (
    *(
        ("conv", 12, 48, 5, 3),
        ("norm2d", 48),
        ("relu",),
        ("net", ("linear", 50, 400, "without a bias"), ("layernorm", 400)),
    ),
    *(
        ("embedding", 10, 30),
        ("net", ("net", ("linear", 40, 160)), ("tanh",)),
        *(("transposed", 3, 4, 2), ("conv1d", 3, 4, 2)),
        ("linear", 60, 120),
    ),
)
"""Never run: what counts is which modules lie where. No two layers have the same fans."""

SCHEMES = ("small_normal", "large_normal", "xavier_uniform", "xavier_normal", "he_uniform", "he_normal")


def deviation_of(scheme: str, shape: Sequence[int]) -> float:
    fixed = {"small_normal": 0.01, "large_normal": 1.0}
    return fixed[scheme] if scheme in fixed else deviation(scheme, shape, usual(scheme))


GONE = "a parameter is gone; a bias becomes 0, not None"


def check_whole(outcome: Mapping[str, Any], name: str) -> None:
    """Check what holds for every scheme."""
    got = outcome["returned"]
    check(outcome["same"], f"{name}: expected the model, got {got}; return the model itself")
    check(not outcome["gone"], f"{name}: {GONE}")
    check(outcome["objects"], f"{name}: the model holds new parameter objects; fill the old ones in place")
    check(outcome["requires_grad"], f"{name}: a parameter no longer requires a gradient")


def check_weights(outcome: Mapping[str, Any], scheme: str, name: str) -> None:
    check_whole(outcome, name)
    for kind, weight in outcome["weights"]:
        about = f"{name}: the weight of a {kind}"
        check(not bool((weight == probes.START).all()), f"{about} is as it was; go through model.modules()")
        if scheme == "zeros":
            check(not bool(weight.any()), f"{about} is not 0")
            continue
        std, law = deviation_of(scheme, weight.shape), scheme.split("_")[1]
        mistakes = {
            f'these are weights for "{other}"': deviation_of(other, weight.shape) for other in SCHEMES if law in other
        }
        mistakes["0.01 is the standard deviation, not the variance"] = 0.1
        mistakes["the gain is 1; He's is the root of 2"] = deviation("he", weight.shape, 1.0)
        if scheme.startswith(("xavier", "he")):
            mistakes |= mistaken_deviations(scheme + "_", weight.shape, usual(scheme))
        check_law(about, weight, law, std, mistakes)


def initialized(
    student: Any, judge: Callable[..., None], scheme: str, layers: Sequence[Layer] = MIXED, **how: Any
) -> None:
    judged("initialize", lambda lent: student.probe(probes.initialize, layers, scheme, lent, **how), judge)


def test_initialize__the_weights_of_all_schemes(student: Any, rng: np.random.Generator) -> None:
    for scheme in ("zeros", *SCHEMES):
        name, seed = f'initialize(model, "{scheme}")', int(rng.integers(2**31))
        initialized(student, lambda o, s=scheme, n=name: check_weights(o, s, n), scheme, seed=seed)


def test_initialize__the_biases_are_zero(student: Any, rng: np.random.Generator) -> None:
    def judge(outcome: Mapping[str, Any]) -> None:
        check(not outcome["gone"], f"initialize: {GONE}")
        left = sum(bool((bias == probes.START).all()) for bias in outcome["biases"])
        check(left == 0, f"initialize: {left} of {len(outcome['biases'])} biases are as they were; set them to 0")
        check(not any(bool(b.any()) for b in outcome["biases"]), "initialize: a bias is not 0")

    for scheme in ("zeros", "large_normal", "he_normal", "xavier_uniform"):
        initialized(student, judge, scheme)


def test_initialize__other_modules_are_left_alone(student: Any, rng: np.random.Generator) -> None:
    def judge(outcome: Mapping[str, Any]) -> None:
        told = "initialize: a module that is neither nn.Linear nor nn.Conv2d has changed; leave it alone"
        check(outcome["others"], told)

    for scheme in ("zeros", "small_normal", "he_uniform"):
        initialized(student, judge, scheme)


def test_initialize__a_model_that_is_no_sequential(student: Any, rng: np.random.Generator) -> None:
    for scheme in ("he_normal", "zeros"):
        name = f'initialize(model, "{scheme}") of a model that is no nn.Sequential'
        initialized(student, lambda o, s=scheme, n=name: check_weights(o, s, n), scheme, shape="pair")


def test_initialize__a_single_layer(student: Any, rng: np.random.Generator) -> None:
    for layer in (("linear", 50, 400), ("conv", 12, 48, 5, 3)):
        name = 'initialize(model, "xavier_normal") of a single layer'
        judge = lambda outcome, n=name: check_weights(outcome, "xavier_normal", n)  # noqa: E731
        initialized(student, judge, "xavier_normal", [layer], shape="single")


def test_initialize__float64_models(student: Any, rng: np.random.Generator) -> None:
    def judge(outcome: Mapping[str, Any]) -> None:
        name = 'initialize(model, "he_uniform") of a float64 model'
        kept = all(weight.dtype == torch.float64 for _, weight in outcome["weights"])
        check(kept, f"{name}: a weight has another dtype afterwards")
        check_weights(outcome, "he_uniform", name)

        kept = all(bias.dtype == torch.float64 for bias in outcome["biases"])
        check(kept, f"{name}: a bias has another dtype afterwards; set it to 0 in place")

    initialized(student, judge, "he_uniform", dtype="float64")


def test_initialize__layers_of_derived_classes(student: Any, rng: np.random.Generator) -> None:
    layers = (("derived linear", 50, 400), ("relu",), ("net", ("derived conv", 12, 48, 4)), ("linear", 60, 120))
    for scheme in ("xavier_uniform", "small_normal"):
        name = f'initialize(model, "{scheme}") of a model with layers of derived classes (isinstance knows them)'
        initialized(student, lambda o, s=scheme, n=name: check_weights(o, s, n), scheme, layers)


def test_initialize__grouped_convolutions(student: Any, rng: np.random.Generator) -> None:
    for scheme in ("he_normal", "xavier_normal"):
        name = f'initialize(model, "{scheme}") of a convolution in groups (its fans stand in the shape of its weight)'
        initialized(student, lambda o, s=scheme, n=name: check_weights(o, s, n), scheme, [("grouped", 4, 32, 64, 5)])


def test_initialize__modes_and_gradients_stay(student: Any, rng: np.random.Generator) -> None:
    def judge(outcome: Mapping[str, Any]) -> None:
        check(outcome["modes"], "initialize: a module is in another mode afterwards")
        check(outcome["gradients"], "initialize: a .grad of the model has changed")

    for scheme in ("he_normal", "zeros"):
        initialized(student, judge, scheme)


def test_initialize__the_generator_decides(student: Any, rng: np.random.Generator) -> None:
    layers = [("linear", 20, 30), ("tanh",), ("linear", 20, 30), ("conv", 3, 6, 2, 2), ("conv", 3, 6, 2, 2)]
    for scheme in SCHEMES:

        def ask(lent: Mapping[str, str], scheme: str = scheme) -> list[dict[str, Any]]:
            seeds = ((3, 1), (3, 2), (4, 2), (None, 7), (None, 7), (None, 8))
            return [student.probe(probes.initialize, layers, scheme, lent, seed=s, other=o) for s, o in seeds]

        def judge(outcomes: Sequence[Mapping[str, Any]], name: str = f'initialize(model, "{scheme}")') -> None:
            weights = [[weight for _, weight in outcome["weights"]] for outcome in outcomes]
            first, again, other, free, free_again, free_other = map(flat, weights)
            used = any(outcome["global"] for outcome in outcomes[:3])
            check(not used, f"{name}: PyTorch's global generator was used; draw from `generator` where it is given")
            check(torch.equal(first, again), f"{name}: the same state of `generator` gives other numbers")
            check(not torch.equal(first, other), f"{name}: another state of `generator` gives the same numbers")
            alike = any(torch.equal(*pair) for pair in (weights[0][:2], weights[0][2:]))
            check(not alike, f"{name}: two layers of one shape have equal weights; let one generator go on")
            seeded = torch.equal(free, free_again) and not torch.equal(free, free_other)
            check(seeded, f"{name} without a generator: draw from PyTorch's global one, and set no seed")
            moved = all(outcome["moved"] for outcome in outcomes[:3])
            check(moved, f"{name}: `generator` stands where it stood before; draw from it, not from a copy")

        judged("initialize", ask, judge)


# symmetry_gap

NET: tuple[Layer, ...] = (("flatten",), ("linear", 4, 6), ("tanh",), ("linear", 6, 5), ("tanh",), ("linear", 5, 3))


def spread(W: Tensor) -> Tensor:
    return (W[:, None] - W[None]).abs().max()


def trained(
    layers: Sequence[Layer],
    weights: Sequence[Tensor],
    X: Tensor,
    y: Tensor,
    lr: float,
    steps: int,
    mistake: str = "",
    train: bool = True,
) -> list[Tensor]:
    """Return the weights of all linear layers after some steps, right or with one mistake."""
    model = probes.build(layers, weights).train(train)
    model[0].train(not train)  # as the probe has it: not every module in one mode
    if mistake.endswith("mode"):
        model.train({"train mode": True, "eval mode": False, "one mode": train}[mistake])
    parameters = list(model.parameters())
    linear = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    if mistake == "first layer":
        parameters = list(linear[0].parameters())
    if mistake == "no biases":
        parameters = [w for w in parameters if w.ndim > 1]
    optimizer = torch.optim.SGD(parameters, lr=lr, maximize=mistake == "uphill", momentum=0.9 * (mistake == "momentum"))
    for step in range(steps):
        if mistake != "adds up":
            model.zero_grad()
        rows = slice(None) if mistake != "one row" else slice(step % len(X), step % len(X) + 1)
        F.cross_entropy(model(X[rows]), y[rows], reduction="sum" if mistake == "sum" else "mean").backward()
        if mistake == "stale" and step == 0:
            for w in parameters:
                w.grad += probes.START
        optimizer.step()
    if mistake == "first parameter":
        return [parameters[0].detach().reshape(len(parameters[0]), -1)]
    return [module.weight.detach() for module in linear]


TRAINED = {
    "the gradients of the steps add up; clear them before each": "adds up",
    "the loss is summed over the batch; take the mean": "sum",
    "the steps go uphill; subtract lr times the gradient": "uphill",
    "only the first layer learns; all parameters take the step": "first layer",
    "the biases do not learn; all parameters take the step": "no biases",
    "this is a descent with momentum; take plain steps": "momentum",
    "each step sees one row; take all of X": "one row",
    "a gradient that was there before enters the first step; clear it": "stale",
    "all modules of the copy are put into one mode; each keeps its own": "one mode",
    "the copy is put into train mode; take the mode in which the model comes": "train mode",
    "the copy is put into eval mode; take the mode in which the model comes": "eval mode",
    "this is the first parameter of the model; take the weight of the first nn.Linear": "first parameter",
}


def compare_gap(
    student: Any, problem: tuple[Any, ...], lr: float, steps: int, *, about: str = "", **how: Any
) -> dict[str, Any]:
    layers, weights, X, y = problem
    outcome: dict[str, Any] = student.probe(probes.gap, layers, weights, X, y, lr, steps, **how)
    name = f"symmetry_gap{about}"
    train = how.get("train", True)
    learned = trained(*problem, lr, steps, train=train)
    W, last = learned[0], learned[-1]
    right, single = float(spread(W)), how.get("dtype") == "float32"
    tolerance = {"rel_tol": 1e-4, "abs_tol": 1e-5} if single else {"rel_tol": 1e-6, "abs_tol": 1e-9}
    for call, result in enumerate(outcome["results"]):
        value = number(result, name=name)
        if math.isclose(value, right, **tolerance):
            continue
        trains_it = call == 1 and outcome["moved"]
        check(not trains_it, f"{name}: a second call gives another value; the model has changed, train a deep copy")
        mistakes = {
            "only the first two rows are compared; compare all": lambda: (W[0] - W[1]).abs().max(),
            "every row is compared with the first one only; compare all pairs": lambda: (W - W[0]).abs().max(),
            "only neighbouring rows are compared; compare all pairs": lambda: W.diff(dim=0).abs().max(),
            "this is the distance of two rows; take the largest difference of two entries": lambda: torch.cdist(
                W, W
            ).max(),
            "columns are compared; a unit is a row": lambda: spread(W.T),
            "this is the last layer; take the first nn.Linear": lambda: spread(last),
            "this is the largest minus the smallest of all entries; compare within a column": lambda: W.max() - W.min(),
            "this is a mean over the columns; take the largest": lambda: (W.amax(0) - W.amin(0)).mean(),
            "the absolute value is missing": lambda: (W[1:] - W[:1]).max(),
            "no step was taken": lambda: spread(weights[0]),
            "this is one step too few": lambda: spread(trained(*problem, lr, max(steps - 1, 0), train=train)[0]),
            "this is one step too many": lambda: spread(trained(*problem, lr, steps + 1, train=train)[0]),
            **{s: lambda m=m: spread(trained(*problem, lr, steps, m, train)[0]) for s, m in TRAINED.items()},
        }
        known = [s for s, make in mistakes.items() if math.isclose(value, float(make()), **tolerance)]
        check(False, f"{name}: wrong value" + (f"; {known[0]}" if known else ""))
    return outcome


def draw_problem(
    rng: np.random.Generator, layers: Sequence[Layer] = NET, shape: Sequence[int] = (2, 2), rows: int = 8
) -> tuple[Any, ...]:
    weights = draw_weights(rng, layers)
    return layers, weights, draw(rng, (rows, *shape)), torch.from_numpy(rng.integers(0, 3, rows))


def test_symmetry_gap__at_the_start_and_after_some_steps(student: Any, rng: np.random.Generator) -> None:
    for steps in (0, 3, 1):
        compare_gap(student, draw_problem(rng), 0.3, steps, about=f" with steps={steps}")


def test_symmetry_gap__other_rates_and_nets(student: Any, rng: np.random.Generator) -> None:
    relu = (("linear", 3, 7), ("relu",), ("linear", 7, 3))
    compare_gap(student, draw_problem(rng, relu, (3,)), 0.05, 12, about=" of a ReLU net after 12 steps")
    compare_gap(student, draw_problem(rng, relu, (3,), 70), 0.5, 3, about=" with 70 rows of X")
    inside = (("net", ("flatten",), ("linear", 6, 4)), ("sigmoid",), ("linear", 4, 3))
    compare_gap(student, draw_problem(rng, inside, (2, 3)), 1.0, 4, about=" of a net with a net inside")
    lone = (("linear", 4, 3),)
    compare_gap(student, draw_problem(rng, lone, (4,)), 0.5, 5, about=" of a net with one layer")
    images = (
        *(("conv", 2, 3, 2, 2), ("layernorm", (2, 2)), ("tanh",), ("flatten",)),
        *(("linear", 12, 4), ("tanh",), ("linear", 4, 3)),
    )
    compare_gap(student, draw_problem(rng, images, (2, 3, 3)), 0.3, 3, about=" of a net that begins with a convolution")


def test_symmetry_gap__equal_units_do_not_part(student: Any, rng: np.random.Generator) -> None:
    layers = (("linear", 4, 6), ("tanh",), ("linear", 6, 3))
    _, weights, X, y = draw_problem(rng, layers, (4,))
    equal = [weights[0][:1].expand(6, 4), weights[1][:1].expand(6), weights[2][:, :1].expand(3, 6), weights[3]]
    outcome = student.probe(probes.gap, layers, [w.contiguous() for w in equal], X, y, 0.3, 20)
    for result in outcome["results"]:
        same = abs(number(result, name="symmetry_gap")) < 1e-12
        check(same, "symmetry_gap of units that begin alike: not 0; every unit gets the same gradient")


def test_symmetry_gap__units_that_are_nearly_equal_and_one_unit_alone(student: Any, rng: np.random.Generator) -> None:
    layers = (("linear", 4, 6), ("tanh",), ("linear", 6, 3))
    _, weights, X, y = draw_problem(rng, layers, (4,))
    near = [weights[0][:1].sign() + 1e-6 * weights[0], *weights[1:]]
    compare_gap(student, (layers, near, X, y), 0.3, 0, about=" of units that differ by a millionth")
    alone = (("linear", 4, 1), ("tanh",), ("linear", 1, 3))
    compare_gap(student, draw_problem(rng, alone, (4,)), 0.3, 2, about=" of one unit alone")


def test_symmetry_gap__in_the_mode_in_which_the_model_comes(student: Any, rng: np.random.Generator) -> None:
    layers = (("doubling",), ("linear", 4, 6), ("doubling",), ("tanh",), ("linear", 6, 3))
    for train in (True, False):
        about = f" of a model in {'train' if train else 'eval'} mode, its first module in the other"
        compare_gap(student, draw_problem(rng, layers, (4,)), 0.3, 3, about=about, train=train)


def test_symmetry_gap__the_model_comes_back_unchanged(student: Any, rng: np.random.Generator) -> None:
    layers = (("linear", 4, 6), ("norm", 6), ("tanh",), ("counting",), ("linear", 6, 3))
    for gradients, train in ((True, True), (False, False)):
        how = {"gradients": gradients, "train": train}
        outcome = student.probe(probes.gap, *draw_problem(rng, layers, (4,)), 0.3, 2, **how)
        check(not outcome["moved"], "symmetry_gap: the weights of the model have changed; train a deep copy")
        statistics = any("running" in name for name in outcome["buffers"])
        told = "symmetry_gap: the running statistics of the model have changed; train a deep copy"
        check(not statistics, told)
        check(outcome["gradients"], "symmetry_gap: a .grad of the model has changed; train a deep copy")
        told = "symmetry_gap: a buffer that is not in the state_dict has changed; train a deep copy"
        check(not outcome["buffers"], told)
        check(outcome["modes"], "symmetry_gap: a module is in another mode afterwards")
        check(outcome["requires_grad"], "symmetry_gap: a parameter no longer requires a gradient")


def test_symmetry_gap__the_data_come_back_unchanged(student: Any, rng: np.random.Generator) -> None:
    problem = draw_problem(rng)
    outcome = student.probe(probes.gap, *problem, 0.3, 2)
    for name, after, before in zip(("X", "y"), outcome["data"], problem[2:], strict=True):
        check_unchanged(after, before, name=f"symmetry_gap: {name}")


def test_symmetry_gap__float32_models(student: Any, rng: np.random.Generator) -> None:
    compare_gap(student, draw_problem(rng), 0.2, 5, about=" in float32", dtype="float32")
