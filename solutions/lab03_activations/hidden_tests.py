"""The hidden tests of lab 03: one property each, ``test_<question>__<property>(student, rng)``.

The student's code is reached only through ``student`` (plain data in, plain data out); everything expected is computed
here, by PyTorch's functions and autograd. Where a result is wrong, the tests compute what known mistakes would have
given and name the one that fits.

The slopes of question 2 may be built on the functions of question 1: right versions, from the solution, are lent for
the time of the call (``LENT``); where the student's code does not get on with them, their own decide.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import probes
import torch
import torch.nn.functional as F
from probes import Layer
from torch import Tensor, nn

from autograder.student import StudentError
from autograder.testing import AUTOGRAD, FROM_SCRATCH, draw, number, register, same
from nnutils.checks import check, check_unchanged

NAMES = {
    "activations": ("relu", "leaky_relu", "elu", "tanh", "gelu"),
    "activation_gradient": ("activation_gradient",),
    "fractions": ("saturated_fraction", "dead_fraction"),
    "gradient_norms": ("gradient_norms",),
}

_TORCHS_OWN = [
    name + mark for name in ("relu", "tanh", "prelu", "rrelu", "celu", "selu", "threshold") for mark in ("", "_")
]
REFUSED = {
    "activations": (
        "torch.nn.functional",
        *(f"torch.nn.functional.{name}" for name in dir(F) if getattr(F, name).__class__ is type(torch.relu)),
        *(f"torch.nn.{name}" for name in nn.modules.activation.__all__),
        *(f"{holder}.{name}" for holder in ("torch", "torch.Tensor") for name in _TORCHS_OWN),
        *("torch.nn.modules.activation", "torch.ops", "torch._VF", "torch._refs"),
        *("torch._C._nn", "torch._C._VariableFunctions", *FROM_SCRATCH),
    ),
    "activation_gradient": (*AUTOGRAD, *FROM_SCRATCH),
    "fractions": FROM_SCRATCH,
    "gradient_norms": FROM_SCRATCH,
}

BOTH = (torch.float64, torch.float32)
FAR = (-800.0, 800.0, -100.0, 100.0, -40.0, 40.0, -20.0, 20.0)
NEARLY_FLAT = (-12.0, 12.0, -9.0, 9.0, -8.1, 8.1)  # in float64, tanh differs there from -1 and 1, and its slope from 0
OVERFLOW = "; exp overflows at large z, and inf / inf or inf * 0 is nan"
PAIR = "torch.max(z, 0) takes 0 for an axis and returns a pair; entry by entry it is clamp or torch.maximum"

Known = dict[str, Tensor]


def twice(outcome: Mapping[str, Any], name: str) -> None:
    """Check that no call of a probe knows of another."""
    told = {
        ("again", "first"): "the second call with the same arguments gives another result",
        ("later", "first"): "the result of a call changes with the next one",
        ("edited", "fresh"): "after the input was changed, the result is still the old one",
    }
    for keys, sentence in told.items():
        if not outcome.keys() >= {*keys}:
            continue
        one, other = (torch.as_tensor(outcome[key]).nan_to_num() for key in keys)
        check(one.shape == other.shape and torch.equal(one, other), f"{name}: {sentence}; keep nothing between calls")


def stays(outcome: Mapping[str, Any], at: int, before: Tensor, name: str) -> None:
    """Check that an argument of a probe is what it was."""
    check_unchanged(outcome["arguments"][at], before, name=name)
    check(not outcome["requires_grad"], f"{name}: requires_grad is set afterwards; leave it as it was")


# activations

SETTINGS: dict[str, tuple[dict[str, float], ...]] = {
    "leaky_relu": ({"slope": 0.3}, {"slope": 0.0}, {"slope": 1.0}),
    "elu": ({"alpha": 2.5}, {"alpha": 0.4}),
}


def activation(name: str, z: Tensor, **settings: float) -> Tensor:
    """Return PyTorch's value."""
    if name == "leaky_relu":
        return F.leaky_relu(z, settings.get("slope", 0.01))
    if name == "elu":
        return F.elu(z, settings.get("alpha", 1.0))
    return F.gelu(z) if name == "gelu" else getattr(torch, name)(z)


def mistaken_values(name: str, z: Tensor, **settings: float) -> Known:
    """Return what known mistakes give in place of an activation."""
    on, e, s, up = z > 0, z.exp(), torch.sigmoid(z), z.clamp(min=0)
    Phi, density = (1 + torch.erf(z / math.sqrt(2))) / 2, torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    slope, alpha = settings.get("slope", 0.01), settings.get("alpha", 1.0)

    def left(values: Tensor) -> Tensor:
        return torch.where(on, z, values)

    is_relu = {} if slope == 0 else {"this is ReLU; negative z are multiplied by slope": up}
    tables: dict[str, Known] = {
        "relu": {
            "negative z keep their size; they become 0": z.abs(),
            "this is the slope": on.to(z.dtype),
            "this is min(0, z); take the larger of the two": z.clamp(max=0),
            "negative z let a little through; they become 0": left(0.01 * z),
            "z comes back as it went in; negative z become 0": z,
            "large z are cut off; ReLU has no upper end": z.clamp(0, 1),
            "the largest entry decides for all; compare entry by entry": z.max().clamp(min=0).expand(z.shape),
        },
        "leaky_relu": {
            "the argument slope has no effect; its default is used": left(0.01 * z),
            **is_relu,
            "slope multiplies positive z; it belongs to the negative ones": torch.where(on, slope * z, z),
            "negative z become positive; multiply them by slope, not by -slope": left(-slope * z),
            "negative z become slope; multiply them by it": left(torch.full_like(z, slope)),
            "slope * z is added everywhere; it belongs to the negative z alone": up + slope * z,
            "negative z are divided by slope; multiply": left(z / slope if slope else z),
            "slope is subtracted from negative z; multiply": left(z - slope),
        },
        "elu": {
            "the argument alpha has no effect; its default is used": left(e - 1),
            "the -1 is missing; alpha * (exp(z) - 1)": left(alpha * e),
            "alpha multiplies exp(z) alone; alpha * (exp(z) - 1)": left(alpha * e - 1),
            "alpha multiplies positive z as well": alpha * left(e - 1),
            "alpha stands in the exponent; it multiplies exp(z) - 1": left(torch.exp(alpha * z) - 1),
            "the exponent is -z; take exp(z)": left(alpha * (1 / e - 1)),
            "the sign of the left part is the wrong way round; exp(z) - 1": left(alpha * (1 - e)),
            "positive z are lost; they stay as they are": alpha * (e - 1),
            "this is ReLU": up,
        },
        "tanh": {
            "this is -tanh(z); a minus sign is lost in an exponent": -torch.tanh(z),
            "this is tanh(z / 2); the exponent is 2z": 2 * s - 1,
            "this is a sigmoid; stretch it from (0, 1) to (-1, 1)": torch.sigmoid(2 * z),
            "this is the sigmoid of z; stretch it, and twice as fast": s,
            "numerator and denominator are swapped": 1 / torch.tanh(z),
            "this is sinh(z); divide it by cosh(z)": torch.sinh(z),
            "this is the slope, 1 - tanh(z)^2": 1 - torch.tanh(z) ** 2,
            "far from 0 the result is -1 or 1 too early": torch.where(z.abs() > 8, z.sign(), torch.tanh(z)),
            "z is cut off at -1 and 1; tanh bends": z.clamp(-1, 1),
        },
        "gelu": {
            "this is the approximation by tanh; take the exact form": F.gelu(z, approximate="tanh"),
            "this is the approximation by a sigmoid; take the exact form": z * torch.sigmoid(1.702 * z),
            "erf takes z / sqrt(2)": z * (1 + torch.erf(z)) / 2,
            "erf takes z / sqrt(2), not z * sqrt(2)": z * (1 + torch.erf(z * math.sqrt(2))) / 2,
            "erf takes z / sqrt(2), not z / 2": z * (1 + torch.erf(z / 2)) / 2,
            "this is Phi(z); multiply it by z": Phi,
            "the factor 1/2 is missing": 2 * z * Phi,
            "the 1 is missing; Phi(z) = (1 + erf(z / sqrt(2))) / 2": z * (Phi - 0.5),
            "only erf is halved; the 1 is halved as well": z * (Phi + 0.5),
            "this is z sigmoid(z), the SiLU": z * s,
            "this is z times the density; take the distribution function Phi": z * density,
        },
    }
    return tables[name]


def compare_activation(
    result: Any, name: str, z: Tensor, *, about: str = "", hint: str = "", **settings: float
) -> None:
    shown = f" with {settings}" if settings else ""
    check(not isinstance(result, tuple), f"{name}{shown}{about}: expected a torch.Tensor, got a tuple; {PAIR}")
    same(
        result,
        activation(name, z, **settings),
        name=f"{name}{shown}{about}",
        mistakes=lambda: mistaken_values(name, z, **settings),
        if_not_finite=hint,
    )


def equals_pytorch(student: Any, rng: np.random.Generator, name: str) -> None:
    for settings in (*SETTINGS.get(name, ())[:1], {}):
        for shape in ((40,), (5, 7)):
            z = 2 * draw(rng, shape)
            compare_activation(student.call(name, z, **settings), name, z, **settings)


def other_settings(student: Any, rng: np.random.Generator, name: str) -> None:
    z = 2 * draw(rng, (30,))
    for settings in SETTINGS.get(name, ()):
        compare_activation(student.call(name, z, **settings), name, z, **settings)
        (value,) = settings.values()
        compare_activation(student.call(name, z, value), name, z, about=" given by position", **settings)


def any_number_of_axes(student: Any, rng: np.random.Generator, name: str) -> None:
    for shape in ((), (1,), (2, 3, 4), (2, 1, 2, 3)):
        z = draw(rng, shape)
        compare_activation(student.call(name, z), name, z, about=f" of shape {shape}")
    for z in (torch.tensor(-0.7, dtype=torch.float64), torch.tensor(0.7, dtype=torch.float64)):
        compare_activation(student.call(name, z), name, z, about=" of shape ()")


def all_of_one_sign(student: Any, rng: np.random.Generator, name: str) -> None:
    for z in (draw(rng, (4, 3)).abs(), -draw(rng, (4, 3)).abs()):
        compare_activation(student.call(name, z), name, z, about=" where all z have one sign")


def zeros_and_small_inputs(student: Any, rng: np.random.Generator, name: str) -> None:
    for dtype in BOTH:
        z = torch.tensor([0.0, -0.0, 1e-3, -1e-3, 1e-9, -1e-9, 1.0, -1.0], dtype=dtype)
        compare_activation(student.call(name, z), name, z, about=" at 0 and close to it")


def float32(student: Any, rng: np.random.Generator, name: str) -> None:
    z = 3 * draw(rng, (30,), torch.float32)
    for settings in (*SETTINGS.get(name, ()), {}):
        compare_activation(student.call(name, z, **settings), name, z, about=" in float32", **settings)


def large_inputs(student: Any, rng: np.random.Generator, name: str) -> None:
    for dtype in BOTH:
        z = torch.tensor(FAR, dtype=dtype)
        about = " at z between -800 and 800"
        compare_activation(student.call(name, z), name, z, about=about, hint=OVERFLOW)
    z = torch.tensor([1e30, -1e30, 2.0], dtype=torch.float32)
    compare_activation(student.call(name, z), name, z, about=" at z between -1e30 and 1e30", hint=OVERFLOW)
    z = torch.tensor(NEARLY_FLAT, dtype=torch.float64)
    compare_activation(student.call(name, z), name, z, about=" at z between -12 and 12", hint=OVERFLOW)


def autograd_passes_through(student: Any, rng: np.random.Generator, name: str) -> None:
    for settings in (*SETTINGS.get(name, ())[:1], {}):
        z = torch.cat([1.5 * draw(rng, (20,)), torch.tensor(NEARLY_FLAT, dtype=torch.float64)])
        found = student.probe(probes.slope, name, z, **settings)
        told = "the result carries no gradient; use PyTorch's operations only, no .item(), NumPy or .detach()"
        check(found is not None, f"{name}: {told}")
        leaf = z.clone().requires_grad_()
        (right,) = torch.autograd.grad(activation(name, leaf, **settings).sum(), leaf)
        known = {"a part of the way carries no gradient (.item(), NumPy, .detach(), .data)": torch.zeros_like(right)}
        same(found, right, name=f"{name}: the slope that autograd finds", mistakes=known, tolerance=(1e-6, 1e-9))


def the_input_comes_back_unchanged(student: Any, rng: np.random.Generator, name: str) -> None:
    z = 2 * draw(rng, (4, 5))
    stays(student.probe(probes.use, name, z), 0, z, f"{name}: z")


def the_input_need_not_be_contiguous(student: Any, rng: np.random.Generator, name: str) -> None:
    z = draw(rng, (4, 5))
    outcome = student.probe(probes.use, name, z, transposed=True)
    compare_activation(outcome["first"], name, z, about=" of z that is not contiguous")


def can_be_called_twice(student: Any, rng: np.random.Generator, name: str) -> None:
    twice(student.probe(probes.use, name, draw(rng, (4, 5))), name)


register(
    globals(),
    "activations",
    (
        *(equals_pytorch, other_settings, any_number_of_axes, all_of_one_sign, zeros_and_small_inputs, float32),
        *(large_inputs, autograd_passes_through, the_input_comes_back_unchanged, the_input_need_not_be_contiguous),
        can_be_called_twice,
    ),
    NAMES["activations"],
)


# activation_gradient

_CELLS = {
    cell["id"]: "".join(cell["source"])
    for cell in json.loads(Path(__file__).with_name("lab03_activations.ipynb").read_text(encoding="utf-8"))["cells"]
}
LENT = dict.fromkeys(NAMES["activations"], _CELLS["activations"])
SIX = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu")


def slope_of(name: str, z: Tensor) -> Tensor:
    """Return autograd's slope of PyTorch's function; at 0 it is the one from the left."""
    leaf = z.clone().requires_grad_()
    values = torch.sigmoid(leaf) if name == "sigmoid" else activation(name, leaf)
    return torch.autograd.grad(values.sum(), leaf)[0]


def mistaken_slopes(name: str, z: Tensor) -> Known:
    """Return what known mistakes give in place of the slope of an activation."""
    on, s, t, e, one = (z > 0).to(z.dtype), torch.sigmoid(z), torch.tanh(z), z.exp(), torch.ones_like(z)
    Phi, density = (1 + torch.erf(z / math.sqrt(2))) / 2, torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    from_left = "at 0 the slope from the right is taken; take the one from the left"
    middle = "at 0 the slope is between those of the two sides; take the one from the left"

    def left(values: Tensor | float) -> Tensor:
        return torch.where(z > 0, one, values)

    tables: dict[str, Known] = {
        "sigmoid": {
            "this is z (1 - z); z is the input of the sigmoid, not its output": z * (1 - z),
            "this is the slope of tanh": 1 - t**2,
            "the square belongs to tanh; s (1 - s)": 1 - s**2,
            "the factor sigmoid(z) is missing": 1 - s,
            "the sigmoid is taken twice; z is the input, one sigmoid is enough": s.sigmoid() * (1 - s.sigmoid()),
            "the sign is the wrong way round": s * (s - 1),
        },
        "tanh": {
            "this is 1 - z^2; z is the input of tanh, not its output": 1 - z**2,
            "the square is missing": 1 - t,
            "this is tanh(z) (1 - tanh(z)), the rule of the sigmoid; 1 - tanh(z)^2": t * (1 - t),
            "the square belongs outside of tanh": 1 - torch.tanh(z**2),
            "the tanh is taken twice; z is the input, one tanh is enough": 1 - torch.tanh(t) ** 2,
            "the sign is the wrong way round": t**2 - 1,
        },
        "relu": {
            from_left: (z >= 0).to(z.dtype),
            middle: (on + (z >= 0)) / 2,
            "the slope is 1 everywhere": one,
            "negative z have slope -1; it is 0": z.sign(),
            "negative z have slope 0.01 (leaky ReLU); it is 0": left(0.01),
            "the slope of a small z above 0 is not 1; compare z with 0 alone": (z > 1e-3).to(z.dtype),
        },
        "leaky_relu": {
            from_left: torch.where(z >= 0, one, 0.01),
            middle: torch.where(z == 0, 0.505 * one, left(0.01)),
            "negative z have slope 0 (ReLU)": on,
            "negative z have slope -0.01; it is 0.01": left(-0.01),
            "negative z have slope 0.01 z; it is 0.01": left(0.01 * z),
            "the two sides are swapped": torch.where(z > 0, 0.01 * one, one),
        },
        "elu": {
            "left of 0 the slope is exp(z), without the -1": left(e - 1),
            "the slope is exp(z) on the right as well; it is 1 there": e,
            "negative z have slope 0 (ReLU)": on,
            "left of 0 the factor z is too much; the slope is exp(z)": left(z * e),
            "the exponent is -z; take exp(z)": left(1 / e),
        },
        "gelu": {
            "this is Phi(z) alone; the product rule adds z times the density": Phi,
            "this is z times the density alone; the product rule adds Phi(z)": z * density,
            "the factor z is missing; Phi(z) + z times the density": Phi + density,
            "this is the density; Phi(z) + z times the density": density,
            "the density has the exponent -z^2 / 2": Phi + z * torch.exp(-(z**2)) / math.sqrt(2 * math.pi),
            "the density lacks its factor 1 / sqrt(2 pi)": Phi + z * torch.exp(-(z**2) / 2),
            "the density has a wrong factor; it is 1 / sqrt(2 pi)": Phi
            + z * torch.exp(-(z**2) / 2) / math.sqrt(math.pi),
            "the two terms are subtracted; add them": Phi - z * density,
            "erf takes z / sqrt(2)": (1 + torch.erf(z)) / 2 + z * density,
            "this is the slope of the SiLU": s + z * s * (1 - s),
        },
    }
    itself = s if name == "sigmoid" else activation(name, z)
    return {f"this is {name}(z) itself; return its slope": itself} | tables[name]


def compare_slopes(
    student: Any, name: str, z: Tensor, *, about: str = "", hint: str = "", transposed: bool = False, named: bool = True
) -> Mapping[str, Any]:
    """Judge the slopes with right versions of question 1's functions; where that fails, with the student's own.

    Both count: an answer that calls its own ``elu`` with an argument more is as right as one that does not.
    """

    def ask(lent: Mapping[str, str]) -> Mapping[str, Any]:
        outcome: Mapping[str, Any] = student.probe(
            probes.use, "activation_gradient", name, z, transposed=transposed, lent=lent
        )
        same(
            outcome["first"],
            slope_of(name, z),
            name=f'activation_gradient("{name}", z){about}',
            mistakes=lambda: mistaken_slopes(name, z) if named else {},
            if_not_finite=hint,
        )
        return outcome

    try:
        return ask(LENT)
    except (AssertionError, StudentError) as error:
        if isinstance(error, StudentError) and error.kind != "raised":
            raise
        try:
            return ask({})
        except (AssertionError, StudentError):
            raise error from None


def equals_autograd(student: Any, rng: np.random.Generator, name: str) -> None:
    for shape in ((40,), (5, 7)):
        compare_slopes(student, name, 1.5 * draw(rng, shape))


def slopes_at_exactly_zero(student: Any, rng: np.random.Generator, name: str) -> None:
    z = draw(rng, (12,))
    z[::3] = 0.0
    z[1] = -0.0
    compare_slopes(student, name, z, about=" where some z are exactly 0")


def slopes_close_to_zero(student: Any, rng: np.random.Generator, name: str) -> None:
    for dtype in BOTH:
        z = torch.tensor([1e-9, -1e-9, 1e-30, -1e-30, 1.0, -1.0], dtype=dtype)
        compare_slopes(student, name, z, about=" at z as small as 1e-30")


def slopes_for_any_number_of_axes(student: Any, rng: np.random.Generator, name: str) -> None:
    for shape in ((), (1,), (2, 3, 4), (2, 1, 2, 3)):
        compare_slopes(student, name, draw(rng, shape), about=f" of shape {shape}")


def slopes_in_float32(student: Any, rng: np.random.Generator, name: str) -> None:
    compare_slopes(student, name, 2 * draw(rng, (30,), torch.float32), about=" in float32")


def slopes_at_large_inputs(student: Any, rng: np.random.Generator, name: str) -> None:
    for dtype in BOTH:  # nearly all slopes are 0 or 1 there, so that a known mistake would explain too much
        z, about = torch.tensor(FAR, dtype=dtype), " at z between -800 and 800"
        compare_slopes(student, name, z, about=about, hint=OVERFLOW, named=False)


def slopes_leave_the_input_unchanged(student: Any, rng: np.random.Generator, name: str) -> None:
    z = draw(rng, (4, 5))
    outcome = compare_slopes(student, name, z)
    stays(outcome, 1, z, f'activation_gradient("{name}", z): z')
    twice(outcome, f'activation_gradient("{name}", z)')


def slopes_of_z_that_is_not_contiguous(student: Any, rng: np.random.Generator, name: str) -> None:
    compare_slopes(student, name, draw(rng, (4, 5)), transposed=True, about=" of z that is not contiguous")


register(
    globals(),
    "activation_gradient",
    (
        *(equals_autograd, slopes_at_exactly_zero, slopes_close_to_zero, slopes_for_any_number_of_axes),
        *(slopes_in_float32, slopes_at_large_inputs, slopes_leave_the_input_unchanged),
        slopes_of_z_that_is_not_contiguous,
    ),
    SIX,
)


def check_unknown(student: Any, z: Tensor, names: Sequence[str], about: str) -> None:
    for name in names:
        is_value_error, kind, text = student.probe(probes.unknown, name, z, LENT)
        told, wanted = (
            f"activation_gradient for {about}",
            "expected a ValueError with a message that lists the six names",
        )
        check(bool(kind), f"{told}: nothing is raised, {wanted}")
        listed = set(SIX) <= set(re.findall(r"\w+", text))
        check(is_value_error and listed, f"{told}: got {kind}, {wanted}")


def test_activation_gradient__an_unknown_name(student: Any, rng: np.random.Generator) -> None:
    check_unknown(student, draw(rng, (3,)), ("softsign", "swish", "cosine", "selu", "silu", ""), "an unknown name")


def test_activation_gradient__a_name_that_is_nearly_right(student: Any, rng: np.random.Generator) -> None:
    names = ("ReLU", "RELU", "GELU", "Tanh", " relu", "elu ", "relu6", "tanhshrink", "my_relu", "log_sigmoid")
    check_unknown(student, draw(rng, (3,)), names, 'a name that is nearly right, such as "ReLU" or "relu6"')


# fractions

Case = tuple[Any, ...]  # activations, and for saturated_fraction low and high
Rule = Callable[..., Tensor | float]  # what a case gives; the mean of a mask, or a number

SHARES: dict[str, dict[str, Rule]] = {
    "saturated_fraction": {
        "": lambda a, low, high: (a <= low) | (a >= high),
        "entries equal to low or high count as well": lambda a, low, high: (a < low) | (a > high),
        "entries equal to high count as well": lambda a, low, high: (a <= low) | (a > high),
        "entries equal to low count as well": lambda a, low, high: (a < low) | (a >= high),
        "only entries <= low are counted": lambda a, low, high: a <= low,
        "only entries >= high are counted": lambda a, low, high: a >= high,
        "this is the share of the others; count those at the ends": lambda a, low, high: (a > low) & (a < high),
        "no entry is below low and above high at once; join the two by `or`": lambda a, low, high: 0.0,
        "the sign is lost; compare the outputs themselves": lambda a, low, high: (a.abs() <= low) | (a.abs() >= high),
        "the arguments low and high have no effect": lambda a, low, high: (a <= 0.01) | (a >= 0.99),
        "this is a count; divide it by the number of entries": lambda a, low, high: ((a <= low) | (a >= high)).sum(),
        "this is a percentage; return a share between 0 and 1": lambda a, low, high: 100 * ends(a, low, high),
        "divide by the number of entries, not of rows": lambda a, low, high: ends(a, low, high) * a.numel() / len(a),
        "this is the share of units; count entries": lambda a, low, high: ((a <= low) | (a >= high)).all(0),
        "this is the share of units that were once at an end; count entries": lambda a, low, high: (
            (a <= low) | (a >= high)
        ).any(0),
        "entries close to low or high count as if they were equal": lambda a, low, high: (
            (a <= low + 1e-3) | (a >= high - 1e-3)
        ),
        "the share is rounded": lambda a, low, high: round(ends(a, low, high), 2),
    },
    "dead_fraction": {
        "": lambda a: (a == 0).all(0),
        "this is the share of entries that are 0, silence; a dead unit is 0 for ALL samples": lambda a: a == 0,
        "this is the share of samples; a unit is a column": lambda a: (a == 0).all(1),
        "this is 1 where all units are dead, else 0; return their share": lambda a: (a == 0).all(),
        "one zero makes a unit dead; it has to be 0 for ALL samples": lambda a: (a == 0).any(0),
        "a column that adds up to 0 need not be 0": lambda a: a.sum(0) == 0,
        "negative outputs count as 0": lambda a: (a <= 0).all(0),
        "a unit whose largest output is 0 may have negative ones": lambda a: a.max(0).values == 0,
        "tiny outputs count as 0; dead is exactly 0": lambda a: (a.abs() < 1e-6).all(0),
        "a unit with the same output for all samples is not dead": lambda a: (a == a[:1]).all(0),
        "this is the share of the others; count the dead units": lambda a: (a != 0).any(0),
        "a unit that is 0 for most samples is not dead": lambda a: (a == 0).double().mean(0) > 0.5,
        "this is a count; divide it by the number of units": lambda a: (a == 0).all(0).sum(),
        "divide by the number of units, not of samples": lambda a: (a == 0).all(0).sum() / len(a),
        "divide by the number of units, not of entries": lambda a: (a == 0).all(0).sum() / a.numel(),
        "this is a percentage; return a share between 0 and 1": lambda a: 100.0 * (a == 0).all(0),
    },
}


def ends(a: Tensor, low: float, high: float) -> float:
    return float(((a <= low) | (a >= high)).double().mean())


def compare_shares(student: Any, name: str, cases: Sequence[Case], about: str = "", named: bool = True) -> None:
    """Judge the shares of several cases together: a mistake is named where it explains them all."""

    def shares(rule: Rule) -> Tensor:
        return torch.stack([torch.as_tensor(rule(*case)).double().mean() for case in cases])

    found = [number(student.call(name, *case), name=f"{name}{about}") for case in cases]
    rules = SHARES[name]
    same(
        torch.tensor(found, dtype=torch.float64),
        shares(rules[""]),
        name=f"{name}{about}",
        mistakes=lambda: {text: shares(rule) for text, rule in rules.items() if text and named},
        tolerance=(1e-6, 1e-6),
    )


def test_fractions__saturated_counts_entries_at_both_ends(student: Any, rng: np.random.Generator) -> None:
    cases: list[Case] = []
    for shape in ((7, 5), (40, 3), (9, 6)):
        a = torch.sigmoid(3 * draw(rng, shape))
        a[:, 0] = 0.01
        cases += [(a, 0.1, 0.8), (2 * a - 1, -0.9, 0.7)]
    compare_shares(student, "saturated_fraction", cases)


def test_fractions__saturated_on_the_limits(student: Any, rng: np.random.Generator) -> None:
    for dtype in BOTH:
        values = torch.tensor([0.0, 0.25, 0.5, 1.0, 0.3], dtype=dtype)
        limits = ((0.0, 1.0), (0.25, 0.5), (0.25, 1.0), (0.0, 0.5))
        cases = [(values[torch.from_numpy(rng.integers(0, 5, (6, 5)))], low, high) for low, high in limits]
        compare_shares(student, "saturated_fraction", cases, " with entries that are equal to low or high")


def test_fractions__saturated_close_to_the_limits(student: Any, rng: np.random.Generator) -> None:
    for dtype in BOTH:
        values = torch.tensor([0.0, 0.25 + 1e-6, 0.3, 0.5 - 1e-6, 1.0], dtype=dtype)
        cases = [(values[torch.from_numpy(rng.integers(0, 5, (6, 5)))], 0.25, 0.5) for _ in range(3)]
        cases[0][0][:, 0] = 0.0
        compare_shares(student, "saturated_fraction", cases, " with entries that are close to low or high")


def test_fractions__saturated_none_and_all(student: Any, rng: np.random.Generator) -> None:
    a = 0.4 + 0.2 * torch.from_numpy(rng.random((5, 4)))
    cases = [(a, 0.1, 0.9), (a, 0.39, 0.395)]
    compare_shares(student, "saturated_fraction", cases, " where no entry, or each one, is saturated", named=False)


def test_fractions__saturated_for_any_number_of_axes(student: Any, rng: np.random.Generator) -> None:
    for shape in ((6,), (2, 3, 4), (2, 1, 2, 3)):
        cases = [(draw(rng, shape) + shift, -0.5, 0.7) for shift in (0.0, 0.0, 8.0)]
        compare_shares(student, "saturated_fraction", cases, f" of outputs of shape {shape}")


def rectified(rng: np.random.Generator, n: int, units: int, killed: int) -> Tensor:
    """Return outputs of rectifiers: some units are dead, each other one is awake for a sample; the first wakes none."""
    a = draw(rng, (n, units)).clamp(min=0)
    a[0] = 0.0
    a[torch.arange(units) % (n - 1) + 1, torch.arange(units)] = 1.0
    a[:, torch.from_numpy(rng.permutation(units)[:killed].copy())] = 0.0
    return a


def test_fractions__dead_counts_units_that_are_zero_for_all(student: Any, rng: np.random.Generator) -> None:
    cases = [(rectified(rng, *sizes),) for sizes in ((9, 7, 2), (4, 11, 3), (30, 5, 1))]
    compare_shares(student, "dead_fraction", cases)


def test_fractions__dead_with_silent_samples(student: Any, rng: np.random.Generator) -> None:
    cases = [(rectified(rng, *sizes),) for sizes in ((8, 5, 2), (9, 7, 3))]
    for (a,) in cases:
        awake = (a != 0).any(0).double()
        a[:3], a[3] = 0.0, awake
    compare_shares(student, "dead_fraction", cases, " where some samples wake no unit")


def test_fractions__dead_in_a_large_batch(student: Any, rng: np.random.Generator) -> None:
    cases = [(draw(rng, (3000, units)).abs(),) for units in (5, 8)]
    for (a,) in cases:
        a[0], a[:-1, 1:3], a[:, 4] = 0.0, 0.0, 0.0  # two units react to the last sample only, one is dead
    compare_shares(student, "dead_fraction", cases, " of a large batch")


def test_fractions__dead_with_negative_outputs(student: Any, rng: np.random.Generator) -> None:
    cases: list[Case] = [(draw(rng, (n, 13)),) for n in (6, 8, 10)]
    for i, (a,) in enumerate(cases):
        a[:, 0] = a[:, 1] = 0.0  # dead
        a[:, 1 : 2 + i] = -0.0
        a[:, 5] = -a[:, 5].abs()
        a[:, 6] = torch.arange(len(a)) - (len(a) - 1) / 2  # adds up to 0
        a[:, 7:9], a[0, 7:9] = 0.0, -1.0  # the largest is 0
        a[:, 9 : 10 + i] = 2.5 - i
        a[0, [4, 12]], a[1:3, [4, 12]] = 1.0, 0.0
        a[:, 10], a[1, 10], a[2, 10] = 0.0, 1.0, -1.0  # adds up to 0, and the first is 0
    cases[-1] = (torch.cat([cases[-1][0], torch.zeros(1, 13, dtype=torch.float64)]),)
    compare_shares(student, "dead_fraction", cases, " of outputs that are negative in places")


def test_fractions__dead_is_exactly_zero(student: Any, rng: np.random.Generator) -> None:
    for dtype, tiny in ((torch.float32, 1e-8), (torch.float64, 1e-12), (torch.float32, 1e-30), (torch.float64, 1e-200)):
        cases = [(rectified(rng, *sizes).to(dtype),) for sizes in ((5, 8, 2), (6, 9, 1))]
        for (a,) in cases:
            a[1:, (a != 0).any(0).nonzero()[:2, 0]] = tiny
        compare_shares(student, "dead_fraction", cases, " with tiny outputs")


def test_fractions__dead_none_and_all(student: Any, rng: np.random.Generator) -> None:
    cases = [(torch.zeros(4, 3, dtype=torch.float64),), (rectified(rng, 4, 3, 0),)]
    compare_shares(student, "dead_fraction", cases, " where all units, or none, are dead")


def test_fractions__dead_of_one_sample(student: Any, rng: np.random.Generator) -> None:
    cases = [(rectified(rng, 2, *sizes)[1:],) for sizes in ((6, 2), (5, 5))]
    compare_shares(student, "dead_fraction", cases, " of one sample", named=False)


def test_fractions__the_activations_come_back_unchanged(student: Any, rng: np.random.Generator) -> None:
    for name, limits in (("saturated_fraction", (0.2, 0.8)), ("dead_fraction", ())):
        a = rectified(rng, 5, 4, 1)
        outcome = student.probe(probes.use, name, a, *limits, transposed=True)
        stays(outcome, 0, a, f"{name}: activations")
        number(outcome["first"], name=name)
        twice(outcome, name)


def test_fractions__the_activations_need_not_be_contiguous(student: Any, rng: np.random.Generator) -> None:
    a = draw(rng, (2, 3, 4))
    outcome = student.probe(probes.use, "saturated_fraction", a, -0.5, 0.7, transposed=True)
    found = number(outcome["first"], name="saturated_fraction of outputs that are not contiguous")
    check(abs(found - ends(a, -0.5, 0.7)) < 1e-6, "saturated_fraction of outputs that are not contiguous: wrong value")


# gradient_norms

TRACELESS = "torch.autograd.grad returns gradients and touches no .grad"
MODE = "this is the gradient in train mode; measure in the mode that the model is in"
NETS: dict[str, tuple[Layer, ...]] = {
    "plain": (("Linear", (5, 4)), ("Tanh", ()), ("Linear", (4, 6)), ("ReLU", ()), ("Linear", (6, 3))),
    "one layer": (("Linear", (5, 3)),),
    "without biases": (("Linear", (5, 4, False)), ("Sigmoid", ()), ("Linear", (4, 3, False))),
    "other layers": (
        *(("Linear", (5, 4)), ("LayerNorm", (4,)), ("PReLU", ()), ("Linear", (4, 4)), ("Unflatten", (1, (2, 2)))),
        *(("LayerNorm", ((2, 2),)), ("Flatten", ()), ("Tanh", ()), ("Linear", (4, 3))),
    ),
    "dropout": (
        *(("Linear", (5, 8)), ("ReLU", ()), ("Dropout", (0.5,)), ("Linear", (8, 4)), ("Tanh", ())),
        *(("Dropout", (0.3,)), ("Linear", (4, 3))),
    ),
    "nested": (("Linear", (5, 8)), ("Sequential", (("ReLU", ()), ("Dropout", (0.5,)))), ("Linear", (8, 3))),
    "deep": (*(("Linear", (5, 5)), ("Sigmoid", ())) * 8, ("Linear", (5, 3))),
}


def draw_net(
    rng: np.random.Generator, layers: Sequence[Layer], n: int = 7, dtype: torch.dtype = torch.float64
) -> tuple[dict[str, Tensor], Tensor, Tensor]:
    """Return the weights of a net, inputs of shape (n, 5) and targets."""
    model = probes.net(layers)
    state = {name: 0.7 * draw(rng, value.shape, dtype) for name, value in model.state_dict().items()}
    return state, draw(rng, (n, 5), dtype), torch.from_numpy(rng.integers(0, 3, n))


def gradients(
    layers: Sequence[Layer],
    state: Mapping[str, Tensor],
    X: Tensor,
    y: Tensor,
    loss: Callable[..., Tensor] = F.cross_entropy,
    train: bool = False,
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Return for each nn.Linear the gradient of its weight, that of its bias, and the weight itself."""
    model = probes.build(layers, state, X.dtype).train(train)
    with torch.random.fork_rng():
        probes.seed()
        loss(model(X), y).backward()
    linear = [layer for layer in model if isinstance(layer, nn.Linear)]
    biases = [torch.zeros(1, dtype=X.dtype) if layer.bias is None else layer.bias.grad for layer in linear]
    return [layer.weight.grad for layer in linear], biases, [layer.weight.detach() for layer in linear]  # type: ignore


def mistaken_norms(
    layers: Sequence[Layer], state: Mapping[str, Tensor], X: Tensor, y: Tensor, old: Sequence[Tensor | None]
) -> Known:
    """Return what known mistakes give in place of the norms."""
    g, b, W = gradients(layers, state, X, y)
    twice_softmax, _, _ = gradients(layers, state, X, y, lambda z, y: F.cross_entropy(z.softmax(1), y))
    guess = "the softmax is taken twice; cross_entropy takes logits"
    root = "take the root of the sum of the squares"
    found = {
        "the list is the wrong way round; first layer first": [x.norm() for x in g[::-1]],
        "the loss is summed over the batch; take the mean": [len(X) * x.norm() for x in g],
        "this is the square of the norm; take the root": [x.norm() ** 2 for x in g],
        f"this is the sum of the absolute values; {root}": [x.abs().sum() for x in g],
        f"this is the mean of the absolute values; {root}": [x.abs().mean() for x in g],
        f"this is the largest absolute value; {root}": [x.abs().max() for x in g],
        f"this is the sum of the entries; {root}": [x.sum() for x in g],
        f"this is the root of the MEAN of the squares; {root}": [(x**2).mean().sqrt() for x in g],
        "this is the spectral norm; take the root of the sum of the squares": [
            torch.linalg.matrix_norm(x, 2) for x in g
        ],
        "this is the norm of the weights; take that of their gradients": [x.norm() for x in W],
        "the norms are divided by those of the weights": [x.norm() / w.norm() for x, w in zip(g, W, strict=True)],
        "this is the gradient of the bias; take that of the weight": [x.norm() for x in b],
        "weight and bias are taken together; take the weight alone": [
            torch.hypot(x.norm(), y.norm()) for x, y in zip(g, b, strict=True)
        ],
        "all layers have the norm of the whole gradient; one for each layer": [
            torch.cat([x.flatten() for x in g]).norm() for _ in g
        ],
        guess: [x.norm() for x in twice_softmax],
        MODE: [x.norm() for x in gradients(layers, state, X, y, train=True)[0]],
    }
    weights = [o for o in old if o is not None and o.ndim == 2]
    if len(weights) == len(g):
        added = "the gradients that were there before are added; they do not count"
        found |= {added: [(x + o).norm() for x, o in zip(g, weights, strict=True)]}
        found |= {"these are the gradients that were there before": [o.norm() for o in weights]}
    return {text: torch.stack(values).detach().double() for text, values in found.items()}


def norms(
    student: Any,
    kind: str,
    rng: np.random.Generator,
    *,
    about: str = "",
    n: int = 7,
    dtype: torch.dtype = torch.float64,
    old: Callable[[Tensor], Tensor | None] | None = None,
    change: Callable[[dict[str, Tensor]], None] = lambda state: None,
) -> dict[str, Any]:
    """Check the norms of a net in eval mode, and return what became of everything."""
    layers = NETS[kind]
    state, X, y = draw_net(rng, layers, n, dtype)
    change(state)
    before = [old(value) for value in state.values()] if old else []
    outcome = dict(student.probe(probes.gradient_norms, layers, state, X, y, old=before))
    right = gradients(layers, state, X, y)[0]
    compare_norms(outcome["first"], right, lambda: mistaken_norms(layers, state, X, y, before), about)
    return outcome | {"before": before, "given": state, "X": X, "y": y}


def compare_norms(result: Any, right: Sequence[Tensor], mistakes: Callable[[], Known], about: str) -> None:
    name = f"gradient_norms{about}"
    what = "NoneType; did the function forget its return?" if result is None else type(result).__name__
    check(isinstance(result, list | tuple), f"{name}: expected a list of floats, got {what}")
    found = [number(value, name=f"{name}: a norm") for value in result]
    counted = "; biases and other layers have no entry" if len(result) > len(right) else ""
    told = f"expected {len(right)} numbers, one for the weight of each nn.Linear, got {len(result)}{counted}"
    check(len(result) == len(right), f"{name}: {told}")
    expected = torch.stack([g.norm() for g in right]).double()
    tolerance = (1e-7, 0.0) if right[0].dtype == torch.float64 else (1e-3, 0.0)
    same(torch.tensor(found).double(), expected, name=f"{name}: the norms", mistakes=mistakes, tolerance=tolerance)


def test_gradient_norms__equals_autograd(student: Any, rng: np.random.Generator) -> None:
    for n in (7, 12):
        norms(student, "plain", rng, n=n)


def test_gradient_norms__one_layer(student: Any, rng: np.random.Generator) -> None:
    norms(student, "one layer", rng, about=" of one layer")


def test_gradient_norms__layers_without_biases(student: Any, rng: np.random.Generator) -> None:
    norms(student, "without biases", rng, about=" of layers without biases")


def test_gradient_norms__other_layers_have_no_entry(student: Any, rng: np.random.Generator) -> None:
    norms(student, "other layers", rng, about=" with LayerNorm and PReLU")


def test_gradient_norms__one_sample(student: Any, rng: np.random.Generator) -> None:
    norms(student, "plain", rng, n=1, about=" of one sample")


def test_gradient_norms__float32(student: Any, rng: np.random.Generator) -> None:
    norms(student, "plain", rng, dtype=torch.float32, about=" in float32")


def test_gradient_norms__small_norms(student: Any, rng: np.random.Generator) -> None:
    for dtype in BOTH:
        norms(student, "deep", rng, dtype=dtype, about=" of eight sigmoid layers, where they are small")


def test_gradient_norms__a_layer_without_any_gradient(student: Any, rng: np.random.Generator) -> None:
    def kill(state: dict[str, Tensor]) -> None:
        state["2.bias"] -= 1000.0

    norms(student, "plain", rng, change=kill, about=" where all units of a layer are dead")


def test_gradient_norms__large_logits(student: Any, rng: np.random.Generator) -> None:
    def grow(state: dict[str, Tensor]) -> None:
        state["4.weight"] *= 3000.0

    norms(student, "plain", rng, change=grow, n=20, about=" where logits are in the thousands")


def test_gradient_norms__old_gradients_do_not_count_and_stay(student: Any, rng: np.random.Generator) -> None:
    for some in (False, True):

        def old(value: Tensor, some: bool = some) -> Tensor | None:
            return None if some and value.ndim == 1 else draw(rng, value.shape)

        outcome = norms(student, "plain", rng, old=old, about=" of a model that has gradients")
        for before, after in zip(outcome["before"], outcome["grads"], strict=True):
            fine = (before is None) == (after is None) and (before is None or torch.equal(before, after))
            check(fine, f"gradient_norms: .grad of a parameter is not what it was before; {TRACELESS}")


def test_gradient_norms__no_gradients_where_there_were_none(student: Any, rng: np.random.Generator) -> None:
    outcome = norms(student, "plain", rng)
    fine = all(gradient is None for gradient in outcome["grads"])
    check(fine, f"gradient_norms: .grad of a parameter is not what it was before; {TRACELESS}")


def test_gradient_norms__every_module_keeps_its_mode(student: Any, rng: np.random.Generator) -> None:
    several = (("dropout", ((), range(-1, 7), (-1, 0, 1, 3, 4, 6), (2, 5), (-1, 5))), ("nested", ((), (1,), (-1, 1))))
    for kind, train in ((kind, train) for kind, trains in several for train in trains):
        layers = NETS[kind]
        state, X, y = draw_net(rng, layers)
        outcome = student.probe(probes.gradient_norms, layers, state, X, y, train=list(train))
        told = "a module is in another mode afterwards; put each module back by itself, or change none"
        check(outcome["modes"], f"gradient_norms: {told}")


def test_gradient_norms__the_random_state_stays(student: Any, rng: np.random.Generator) -> None:
    for kind, train in (("dropout", range(-1, 7)), ("dropout", (2,)), ("plain", ())):
        state, X, y = draw_net(rng, NETS[kind])
        outcome = student.probe(probes.gradient_norms, NETS[kind], state, X, y, train=list(train))
        told = "PyTorch's random state is another one afterwards; Dropout in train mode draws from it"
        check(outcome["random"], f"gradient_norms: {told}")


def test_gradient_norms__dropout_in_eval_mode(student: Any, rng: np.random.Generator) -> None:
    norms(student, "dropout", rng, about=" of a model in eval mode with Dropout")


def test_gradient_norms__dropout_in_train_mode(student: Any, rng: np.random.Generator) -> None:
    layers = NETS["dropout"]
    state, X, y = draw_net(rng, layers, 12)
    found = student.probe(probes.gradient_norms, layers, state, X, y, train=list(range(-1, 7)))["first"]
    without = [float(g.norm()) for g in gradients(layers, state, X, y)[0]]
    fault = "the norms of a model in train mode are those of eval mode; measure in the mode that the model is in"
    same_norms = len(found) == len(without) and all(
        math.isclose(a, b, rel_tol=1e-4) for a, b in zip(found, without, strict=True)
    )
    check(not same_norms, f"gradient_norms: {fault}")


def test_gradient_norms__weights_and_data_stay(student: Any, rng: np.random.Generator) -> None:
    outcome = norms(student, "plain", rng)
    for name, value in outcome["given"].items():
        check_unchanged(outcome["state"][name], value, name=f"gradient_norms: {name} of the model")
    for name, after in zip(("X", "y"), outcome["arguments"], strict=True):
        check_unchanged(after, outcome[name], name=f"gradient_norms: {name}")
    told = "requires_grad of a parameter or of X is another one afterwards; leave it as it was"
    check(outcome["requires_grad"], f"gradient_norms: {told}")
    check(outcome["hooks"], "gradient_norms: a hook is left behind; call remove() of what registered it")
    twice(outcome, "gradient_norms")


def test_gradient_norms__the_gradient_of_the_inputs_stays(student: Any, rng: np.random.Generator) -> None:
    state, X, y = draw_net(rng, NETS["plain"])
    for needed in (False, True):
        outcome = student.probe(probes.gradient_norms, NETS["plain"], state, X, y, needed=needed)
        told = "where X requires a gradient, its .grad is another one" if needed else "X has a .grad"
        check(outcome["X_grad"], f"gradient_norms: {told} afterwards; {TRACELESS}")
