"""The hidden tests of lab 05: one property each, ``test_<question>__<property>(student, rng)``.

The student's code is reached only through ``student`` (plain data in, plain data out); everything expected is computed
here, from ``torch.optim`` and closed forms. Where a result is wrong, the tests compute what known mistakes would have
given and name the one that fits.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import probes
import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.student import StudentError
from autograder.testing import FROM_SCRATCH, TOLERANCE, close, draw, flat, number, register
from nnutils import schedules
from nnutils.checks import check, check_close, check_tensor

NAMES = {
    "sgd": ("SGD",),
    "adagrad": ("Adagrad",),
    "rmsprop": ("RMSprop",),
    "adam": ("Adam", "AdamW"),
    "clip_grad_norm": ("clip_grad_norm",),
    "schedules": ("exponential_decay", "inverse_time_decay", "cosine_with_warmup", "cyclical"),
    "learning_rate_range_test": ("learning_rate_range_test",),
}

REFUSED = dict.fromkeys(
    NAMES,
    ("torch.optim", "torch._fused_*", "torch.nn.utils.clip_grad*", "torch.nn.utils.get_total_norm", *FROM_SCRATCH),
)

Path = list[Tensor]
Rule = Callable[[Tensor, Tensor, dict[str, Any]], Tensor]  # (w, gradient, state) -> new w

SHAPES = ((3, 4), (4,), (), (2, 1, 3))


def draw_problem(
    rng: np.random.Generator,
    shapes: Sequence[Sequence[int]] = ((7,),),
    steps: int = 50,
    dtype: torch.dtype = torch.float64,
    scale: float = 1.0,
) -> tuple[list[Tensor], list[Tensor]]:
    """Return for each parameter its start and its gradients at all steps, shape ``(steps, *shape)``."""
    start = [draw(rng, shape, dtype) for shape in shapes]
    return start, [scale * draw(rng, (steps, *shape), dtype) for shape in shapes]


def torch_path(
    name: str,
    start: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    *,
    rates: Sequence[float] | None = None,
    **hyper: Any,
) -> Path:
    """Return the path of ``torch.optim``'s class of that name."""
    params = [w.clone().requires_grad_() for w in start]
    optimizer = getattr(torch.optim, name)(params, **hyper)
    path: list[list[Tensor]] = [[] for _ in params]
    for step in range(max(len(each) for each in gradients if each is not None)):
        for w, each in zip(params, gradients, strict=True):
            w.grad = None if each is None else each[step].clone()
        if rates is not None:
            optimizer.param_groups[0]["lr"] = rates[step]
        optimizer.step()
        for values, w in zip(path, params, strict=True):
            values.append(w.detach().clone())
    return [torch.stack(values) for values in path]


def follow(rule: Rule, start: Sequence[Tensor], gradients: Sequence[Tensor], *, shared: Sequence[str] = ()) -> Path:
    """Return the path of a rule written out below; the parameters share those entries of the state."""
    states: list[dict[str, Any]] = [{} for _ in start]
    now, path = list(start), [[] for _ in start]  # type: ignore[var-annotated]
    for step_gradients in zip(*gradients, strict=True):
        for i, grad in enumerate(step_gradients):
            now[i] = rule(now[i], grad, states[i])
            path[i].append(now[i])
            for state in states:
                state.update({key: value for key, value in states[i].items() if key in shared})
    return [torch.stack(values) for values in path]


def same_path(
    actual: Any,
    expected: Path,
    start: Sequence[Tensor],
    *,
    name: str,
    mistakes: Callable[[], Mapping[str, Path]] = dict,
    if_not_finite: str = "",
) -> None:
    """Check type, dtype and shape of each parameter's path, then that it is finite, then its values.

    ``mistakes`` computes what known mistakes would have given; it is called only for a wrong path.
    """
    dtype = expected[0].dtype
    paths = [
        check_tensor(got, name=f"{name}, a parameter after the steps", shape=want.shape, dtype=dtype, finite=False)
        for got, want in zip(actual, expected, strict=True)
    ]
    finite = torch.stack([path.reshape(len(path), -1).isfinite().all(1) for path in paths]).all(0)
    if not finite.all():
        step = int((~finite).nonzero()[0]) + 1
        raise AssertionError(f"{name}: the parameters are inf or nan after step {step}{if_not_finite}")
    wrong: dict[str, Tensor] = {}
    rtol, atol = TOLERANCE[dtype]
    result, right = flat(paths), flat(expected)
    if not close(result, right, rtol, atol):
        general = {
            "the parameters did not move; change them in place, as in `w -= ...` under torch.no_grad()": [
                w.expand_as(path) for w, path in zip(start, expected, strict=True)
            ],
            "only the first step moved the parameters; `params` may be a generator, make a list of it in __init__": [
                path[:1].expand_as(path) for path in expected
            ],
            "the parameters move uphill; the step is subtracted, not added": [
                2 * w - path for w, path in zip(start, expected, strict=True)
            ],
        }
        wrong = {sentence: flat(path) for sentence, path in {**mistakes(), **general}.items()}
        if dtype == torch.float64 and close(result, right, 1e-5, 1e-6):
            rounded = (
                "right to a few digits only; is the state in the parameter's dtype (torch.zeros_like(w)), does it "
                "start at 0, and does eps stand where the formula has it?"
            )
            wrong[rounded] = result
    check_close(result, right, name=f"{name}: path of the parameters", rtol=rtol, atol=atol, mistakes=wrong)


HYPER: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.05, "momentum": 0.9},
    "Adagrad": {"lr": 0.1},
    "RMSprop": {"lr": 0.02, "alpha": 0.9},
    "Adam": {"lr": 0.02},
    "AdamW": {"lr": 0.02, "weight_decay": 0.1},
}


def equals_torch_in_float32(student: Any, rng: np.random.Generator, name: str) -> None:
    """Twenty steps: rounding adds up, and a weight that comes near 0 has no digits to spare."""
    start, gradients = draw_problem(rng, steps=20, dtype=torch.float32)
    actual = student.probe(probes.walk, name, start, gradients, **HYPER[name])
    same_path(actual, torch_path(name, start, gradients, **HYPER[name]), start, name=f"{name} in float32")


def each_parameter_has_its_own_state(student: Any, rng: np.random.Generator, name: str) -> None:
    """Different shapes, then two of the same shape."""
    for shapes in (SHAPES, ((3,), (3,))):
        start, gradients = draw_problem(rng, shapes, steps=6)

        def mistakes(start: Path = start, gradients: Any = gradients) -> dict[str, Path]:
            found = {}
            if name in ("Adam", "AdamW"):
                sentence = "the step count t grows once for each parameter, not once for each step()"
                found[sentence] = follow(RULES[name](**HYPER[name]), start, gradients, shared=("t",))
            if start[0].shape == start[1].shape:
                sentence = "the parameters share one state; each parameter needs its own"
                found[sentence] = follow(RULES[name](**HYPER[name]), start, gradients, shared=ALL)
                if name in ("Adam", "AdamW"):
                    found[sentence + " "] = follow(RULES[name](**HYPER[name]), start, gradients, shared=("m", "v"))
            return found

        same_path(
            student.probe(probes.walk, name, start, gradients, **HYPER[name]),
            torch_path(name, start, gradients, **HYPER[name]),
            start,
            name=f"{name} with {len(shapes)} parameters",
            mistakes=mistakes,
        )


def works_with_non_contiguous_parameters(student: Any, rng: np.random.Generator, name: str) -> None:
    start, gradients = draw_problem(rng, ((3, 4),), steps=4)
    actual = student.probe(probes.walk, name, start, gradients, transposed=True, **HYPER[name])
    expected = torch_path(name, start, gradients, **HYPER[name])
    same_path(actual, expected, start, name=f"{name} with a parameter that is not contiguous")


def params_may_be_a_generator(student: Any, rng: np.random.Generator, name: str) -> None:
    start, gradients = draw_problem(rng, ((3,), (2, 2)), steps=4)
    spent = "a generator can be read once: it was used up before the first step; make a list of it in __init__"
    same_path(
        student.probe(probes.walk, name, start, gradients, container="generator", **HYPER[name]),
        torch_path(name, start, gradients, **HYPER[name]),
        start,
        name=f"{name} with `params` given as a generator",
        mistakes=lambda: {spent: [w.expand(4, *w.shape) for w in start]},
    )


def skips_parameters_without_gradient(student: Any, rng: np.random.Generator, name: str) -> None:
    start, drawn = draw_problem(rng, ((3,), (2, 2), (4,)), steps=5)
    gradients = [drawn[0], None, drawn[2]]
    hyper = HYPER[name] | ({"weight_decay": 0.1} if name in ("SGD", "Adam", "AdamW") else {})
    actual = student.probe(probes.walk, name, start, gradients, **hyper)
    name = f"{name} where one .grad is None"
    still = check_tensor(actual[1], name=name, shape=(5, 2, 2), dtype=torch.float64)
    check(
        torch.equal(still, start[1].expand_as(still)), f"{name}: that parameter moved; skip it, weight decay included"
    )
    same_path(actual, torch_path(name.split()[0], start, gradients, **hyper), start, name=name)


def two_instances_share_nothing(student: Any, rng: np.random.Generator, name: str) -> None:
    start, gradients = draw_problem(rng, ((3,), (3,)), steps=5)
    shared = "the instances share their state; make it in __init__ and keep it on self"
    try:
        paths = student.probe(probes.two_instances, name, start, gradients, **HYPER[name])
    except StudentError as error:
        if "size" in str(error) or "shape" in str(error):
            raise AssertionError(f"{name}, several instances: {error}; perhaps {shared}") from None
        raise
    first, again = (check_tensor(paths[key], name=name, shape=(5, 3), finite=False) for key in ("first", "again"))
    same = torch.equal(first.nan_to_num(), again.nan_to_num())
    check(same, f"{name}: a second instance does not start afresh; {shared}")
    same_path(
        paths["by_turns"],
        torch_path(name, start[:1], gradients[:1], **HYPER[name])
        + torch_path(name, start[1:], gradients[1:], **HYPER[name]),
        start,
        name=f"{name}, two instances by turns",
        mistakes=lambda: {shared: follow(RULES[name](**HYPER[name]), start, gradients, shared=ALL)},
    )
    turns = [gradients[0][:3], gradients[0][3:]]
    begin = torch_path(name, start[:1], turns[:1], **HYPER[name])
    inherits = "it goes on with the state of the first; keep the state on self, not on the parameters or the class"
    same_path(
        [student.probe(probes.successors, name, start[0], turns, **HYPER[name])],
        [torch.cat([begin[0], *torch_path(name, [begin[0][-1]], turns[1:], **HYPER[name])])],
        start[:1],
        name=f"{name}, a second instance for the same parameters",
        mistakes=lambda: {inherits: torch_path(name, start[:1], gradients[:1], **HYPER[name])},
    )


def a_gradient_of_zeros_counts(student: Any, rng: np.random.Generator, name: str) -> None:
    start, gradients = draw_problem(rng, ((3,), (2,)), steps=8)
    gradients[0][2:5] = 0.0
    hyper = HYPER[name] | ({"weight_decay": 0.1} if name in ("SGD", "Adam", "AdamW") else {})

    def skips(counts: bool) -> Path:
        rule = RULES[name](**hyper)

        def skipping(w: Tensor, grad: Tensor, state: dict[str, Any]) -> Tensor:
            if bool(grad.any()):
                return rule(w, grad, state)
            if counts:
                state["t"] = state.get("t", 0) + 1
            return w

        return follow(skipping, start, gradients)

    sentence = "a parameter is skipped when its gradient is zero; skip it only when .grad is None, the state lives on"
    same_path(
        student.probe(probes.walk, name, start, gradients, **hyper),
        torch_path(name, start, gradients, **hyper),
        start,
        name=f"{name} where a gradient is all zero for some steps",
        mistakes=lambda: {sentence: skips(False), f"{sentence} ": skips(True)},
    )


def a_parameter_whose_gradient_comes_late_moves(student: Any, rng: np.random.Generator, name: str) -> None:
    """Only that it is not forgotten in silence: how its averages begin is open, and so is an exception."""
    start, gradients = draw_problem(rng, ((3,), (2, 2)), steps=5)
    try:
        path, _ = student.probe(probes.walk, name, start, gradients, late=2, **HYPER[name])
    except StudentError as error:
        if error.kind != "raised":
            raise
        return
    path = check_tensor(path, name=f"{name}, a parameter", shape=(5, 3), dtype=torch.float64)
    early, late = path[:2].ne(start[0]), path[2:].ne(path[1])
    check(not early.any(), f"{name}: a parameter moved while its .grad was None")
    moved = f"{name}: a parameter whose .grad is None in the first steps never moves; look at .grad anew at every step"
    check(bool(late.any()), moved)


def step_keeps_no_graph(student: Any, rng: np.random.Generator, name: str) -> None:
    start, gradients = draw_problem(rng, steps=3)
    hyper = HYPER[name] | ({"weight_decay": 0.1} if name in ("SGD", "Adam", "AdamW") else {})
    kept = student.probe(probes.graph_kept, name, start[0], gradients[0], **hyper)
    check(
        kept is False,
        f"{name}: what is remembered keeps the autograd graph of all steps, so that memory grows with each one; "
        "compute the step under torch.no_grad()",
    )


def lr_is_read_at_every_step(student: Any, rng: np.random.Generator, name: str) -> None:
    start, gradients = draw_problem(rng, steps=12)
    rates = [0.1 / (1 + t) for t in range(12)]
    hyper = HYPER[name] | {"lr": 0.5}
    ignored = "a new value of the attribute `lr` is ignored; read self.lr at every step"
    frozen = "the decay goes on with the lr of __init__; compute lr * weight_decay anew at every step"

    def frozen_decay(w: Tensor, grad: Tensor, state: dict[str, Any]) -> Tensor:
        rate = rates[state.get("t", 0)]
        decay = hyper["weight_decay"] * hyper["lr"] / rate
        return RULES["AdamW"](**hyper | {"lr": rate, "weight_decay": decay})(w, grad, state)

    textbook = "the learning rate is inside the velocity (v = mu v + lr g); PyTorch's is outside"
    same_path(
        student.probe(probes.walk, name, start, gradients, rates=rates, **hyper),
        torch_path(name, start, gradients, rates=rates, **hyper),
        start,
        name=f"{name} with `lr` set anew before each step",
        mistakes=lambda: (
            {
                ignored: torch_path(name, start, gradients, **hyper),
                textbook: follow(textbook_momentum(rates, 0.9), start, gradients),
            }
            | ({frozen: follow(frozen_decay, start, gradients)} if name == "AdamW" else {})
        ),
    )
    value = number(student.probe(probes.read_lr, name, 0.125), name=f"{name}: the attribute `lr`")
    check(value == 0.125, f"{name}: the attribute `lr` is not the learning rate that was given")


def state_survives_gradients_refilled_in_place(student: Any, rng: np.random.Generator, name: str) -> None:
    start, gradients = draw_problem(rng, steps=6)
    actual = student.probe(probes.walk, name, start, gradients, reuse_grad=True, **HYPER[name])
    alias = (
        "; after the first step the state IS the gradient tensor and changes with it: store a copy (.clone())"
        if name == "SGD"
        else ""
    )
    expected = torch_path(name, start, gradients, **HYPER[name])
    try:
        same_path(actual, expected, start, name=f"{name} with one .grad tensor that is refilled in place")
    except AssertionError as error:
        raise AssertionError(f"{error}{alias}") from None


def zero_grad_clears_every_gradient(student: Any, rng: np.random.Generator, name: str) -> None:
    gradients = [draw(rng, (3,)).float(), None, draw(rng, (2, 2)).float()]
    after = student.probe(probes.zero_grad, name, gradients, lr=0.1)
    left = [
        i for i, grad in enumerate(after) if grad is not None and bool(check_tensor(grad, name="zero_grad").ne(0).any())
    ]
    check(
        not left,
        f"{name}: zero_grad() left {len(left)} of {len(gradients)} gradients, expected each to be None or zero",
    )
    start, curvature = draw(rng, (5,)), draw(rng, (5,)).abs()
    actual = student.probe(probes.descend, name, start, curvature, 5, **HYPER[name])
    adds_up = "the gradients of the steps add up; zero_grad() must clear them"
    same_path(
        [actual],
        [descent(name, start, curvature, 5)],
        [start],
        name=f"{name} in a loop of zero_grad, backward and step",
        mistakes=lambda: {adds_up: [descent(name, start, curvature, 5, clear=False)]},
    )


def step_leaves_the_gradients_alone(student: Any, rng: np.random.Generator, name: str) -> None:
    start, drawn = draw_problem(rng, ((3,), (2, 2)), steps=1)
    gradients = [each[0] for each in drawn]
    hyper = HYPER[name] | ({"weight_decay": 0.1} if name in ("SGD", "Adam", "AdamW") else {})
    after = student.probe(probes.gradients_after_step, name, start, gradients, **hyper)
    cleared = all(grad is None or not bool(grad.any()) for grad in after)
    same = all(grad is not None and torch.equal(grad, before) for grad, before in zip(after, gradients, strict=True))
    hint = "clear them in zero_grad() only" if cleared else "work on a new tensor, as in g = w.grad + weight_decay * w"
    check(same, f"{name}: step() changed the gradients in place; {hint}")


def descent(name: str, start: Tensor, curvature: Tensor, steps: int, clear: bool = True) -> Tensor:
    w = start.clone().requires_grad_()
    optimizer = getattr(torch.optim, name)([w], **HYPER[name])
    path = []
    for _ in range(steps):
        if clear:
            optimizer.zero_grad()
        (curvature * w**2).sum().div(2).backward()
        optimizer.step()
        path.append(w.detach().clone())
    return torch.stack(path)


ALL = ("v", "G", "s", "m", "t")

EVERY_OPTIMIZER = (
    equals_torch_in_float32,
    each_parameter_has_its_own_state,
    works_with_non_contiguous_parameters,
    params_may_be_a_generator,
    skips_parameters_without_gradient,
    a_gradient_of_zeros_counts,
    a_parameter_whose_gradient_comes_late_moves,
    step_keeps_no_graph,
    two_instances_share_nothing,
    lr_is_read_at_every_step,
    state_survives_gradients_refilled_in_place,
    zero_grad_clears_every_gradient,
    step_leaves_the_gradients_alone,
)


for _question in ("sgd", "adagrad", "rmsprop", "adam"):
    register(globals(), _question, EVERY_OPTIMIZER, NAMES[_question])


def sgd_rule(
    *,
    lr: float,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    variant: str = "",
) -> Rule:
    """PyTorch's rule, or with one mistake."""
    mu = 0.0 if variant == "no momentum" else momentum
    decay = weight_decay * {"decay sign": -1, "no decay": 0, "double decay": 2}.get(variant, 1)
    ahead = nesterov != (variant == "other momentum")

    def rule(w: Tensor, grad: Tensor, state: dict[str, Any]) -> Tensor:
        g = grad if variant in ("decay apart", "decay without lr") else grad + decay * w
        old = state.get("v", torch.zeros_like(g))
        v = state["v"] = mu * (0.0 if variant == "forgets" else old) + (1 - mu if variant == "damped" else 1) * g
        step = g + mu * v if ahead else v
        if variant == "previous":
            step = old
        if variant == "decay apart":
            step = step + decay * w
        return w - lr * step - (decay * w if variant == "decay without lr" else 0.0)

    return rule


def textbook_momentum(rates: Sequence[float], momentum: float) -> Rule:
    def rule(w: Tensor, grad: Tensor, state: dict[str, Any]) -> Tensor:
        t = state["t"] = state.get("t", -1) + 1
        state["v"] = momentum * state.get("v", 0.0) + rates[t] * grad
        return w - state["v"]

    return rule


def adagrad_rule(*, lr: float, eps: float = 1e-10, variant: str = "") -> Rule:
    def rule(w: Tensor, grad: Tensor, state: dict[str, Any]) -> Tensor:
        t = state["t"] = state.get("t", 0) + 1
        old = state.get("G", torch.zeros_like(grad))
        total = old + {"absolute": grad.abs(), "not squared": grad, "norm": (grad**2).sum()}.get(variant, grad**2)
        state["G"] = total
        if variant == "forgets":
            total = grad**2
        if variant == "not squared":
            return w - lr * grad / (total.abs() + eps)
        if variant == "average":
            total = total / t
        if variant == "old sum":
            total = old
        if variant == "no root" or variant == "absolute":
            return w - lr * grad / (total + eps)
        return w - lr * grad / _denominator(total, eps, variant)

    return rule


def rmsprop_rule(*, lr: float, alpha: float = 0.99, eps: float = 1e-8, variant: str = "") -> Rule:
    def rule(w: Tensor, grad: Tensor, state: dict[str, Any]) -> Tensor:
        t = state["t"] = state.get("t", 0) + 1
        a = {"hard-coded": 0.99, "other default": 0.9}.get(variant, alpha)
        keep, add = {"swapped": (1 - a, a), "sum": (1.0, 1.0), "no share": (a, 1.0)}.get(variant, (a, 1 - a))
        old = 0.0 if variant == "forgets" else state.get("s", grad**2 if variant == "starts at g^2" else 0.0)
        s = state["s"] = keep * old + add * grad**2
        if variant == "corrected":
            s = s / (1 - a**t)
        if variant == "no root":
            return w - lr * grad / (s + eps)
        return w - lr * grad / _denominator(s, eps, variant)

    return rule


def adam_rule(
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    variant: str = "",
) -> Rule:
    def rule(w: Tensor, grad: Tensor, state: dict[str, Any]) -> Tensor:
        beta1, beta2 = {"hard-coded": (0.9, 0.999), "swapped": betas[::-1]}.get(variant, betas)
        t = state["t"] = state.get("t", 0) + 1
        start = w
        decay = -weight_decay if variant == "decay sign" else weight_decay
        if variant == "decay ignored":
            decay = 0.0
        coupled = (not decoupled) != (variant == "other decay")
        if coupled:
            grad = grad + decay * w
        elif variant == "decay without lr":
            w = w - decay * w
        elif variant != "decay after":
            w = w - lr * decay * w
        forget = variant == "forgets"
        m = state["m"] = beta1 * (0.0 if forget else state.get("m", 0.0)) + (1 - beta1) * grad
        v = state["v"] = beta2 * (0.0 if forget else state.get("v", 0.0)) + (1 - beta2) * (
            grad if variant == "not squared" else grad**2
        )
        n = {"late": max(t - 1, 1), "early": t + 1, "constant": 1}.get(variant, t)
        c1, c2 = 1 - beta1**n, 1 - beta2**n
        if variant == "uncorrected":
            c1 = c2 = 1.0
        if variant == "only the mean":
            c2 = 1.0
        if variant == "product":
            c1, c2 = 1 - min(beta1 * t, 0.999999), 1 - beta2 * t
        if variant == "early eps":
            w = w - lr * (m / c1) / ((v.sqrt() + eps) / c2**0.5)
        else:
            w = w - lr * (m / c1) / _denominator(v / c2, eps, variant)
        if variant == "decay after" and not coupled:
            w = w - lr * decay * w
        return start - (w - start) if variant == "uphill" else w

    return rule


def _denominator(square: Tensor, eps: float, variant: str) -> Tensor:
    if variant == "inside":
        return (square + eps).sqrt()
    if variant == "floor":
        return square.sqrt().clamp(min=eps)
    if variant == "no eps":
        return square.sqrt()
    return square.sqrt() + eps


RULES: dict[str, Callable[..., Rule]] = {
    "SGD": sgd_rule,
    "Adagrad": adagrad_rule,
    "RMSprop": rmsprop_rule,
    "Adam": adam_rule,
    "AdamW": lambda **hyper: adam_rule(decoupled=True, **hyper),
}


def compare(
    student: Any,
    name: str,
    start: list[Tensor],
    gradients: list[Tensor],
    hyper: dict[str, Any],
    variants: Mapping[str, str],
    *,
    about: str = "",
    if_not_finite: str = "",
    told: Mapping[str, Any] | None = None,
) -> None:
    """Compare a path with torch's; ``variants`` maps a sentence to the variant of the rule that it describes.

    ``told`` are the hyperparameters that the student is given, ``hyper`` those that hold (the same by default).
    """
    same_path(
        student.probe(probes.walk, name, start, gradients, **(hyper if told is None else told)),
        torch_path(name, start, gradients, **hyper),
        start,
        name=f"{name} {about}".strip(),
        mistakes=lambda: {
            sentence: follow(RULES[name](variant=variant, **hyper), start, gradients)
            for sentence, variant in variants.items()
        },
        if_not_finite=if_not_finite,
    )


MOMENTUM = {
    "momentum has no effect; the velocity carries over from step to step": "no momentum",
    "the velocity is forgotten between steps; keep one for each parameter on self": "forgets",
    "each step uses the velocity from before this gradient; update the velocity first": "previous",
    "the new gradient is scaled by 1 - momentum; PyTorch's velocity is v = mu v + g": "damped",
}
LOOK_AHEAD = {"this is plain momentum; Nesterov's step is g + mu v with the new v": "other momentum"}
SGD_DECAY = {
    "weight_decay has no effect": "no decay",
    "the decay has the wrong sign, the weights grow; add weight_decay * w to the gradient": "decay sign",
    "the decay bypasses the velocity; add weight_decay * w to the gradient before momentum": "decay apart",
    "the decay is not multiplied by the learning rate": "decay without lr",
    "the decay is a factor 2 too large; the gradient of weight_decay/2 |w|^2 is weight_decay * w": "double decay",
}


def test_sgd__equals_torch_over_50_steps(student: Any, rng: np.random.Generator) -> None:
    compare(student, "SGD", *draw_problem(rng), {"lr": 0.07}, {}, about="without momentum")


def test_sgd__momentum_is_kept_between_steps(student: Any, rng: np.random.Generator) -> None:
    variants = MOMENTUM | {"this is Nesterov momentum although nesterov=False": "other momentum"}
    compare(student, "SGD", *draw_problem(rng), {"lr": 0.03, "momentum": 0.85}, variants, about="with momentum")


def test_sgd__nesterov_looks_ahead(student: Any, rng: np.random.Generator) -> None:
    hyper = {"lr": 0.03, "momentum": 0.85, "nesterov": True}
    compare(student, "SGD", *draw_problem(rng), hyper, LOOK_AHEAD | MOMENTUM, about="with nesterov=True")


def test_sgd__weight_decay_is_added_to_the_gradient(student: Any, rng: np.random.Generator) -> None:
    for momentum, nesterov, about in ((0.0, False, ""), (0.8, False, " and momentum"), (0.8, True, " and nesterov")):
        hyper = {"lr": 0.05, "momentum": momentum, "nesterov": nesterov, "weight_decay": 0.3}
        variants = SGD_DECAY | (LOOK_AHEAD if nesterov else {}) | (MOMENTUM if momentum else {})
        compare(student, "SGD", *draw_problem(rng), hyper, variants, about=f"with weight decay{about}")


ADAGRAD = {
    "the sum is forgotten between steps; keep one for each parameter on self": "forgets",
    "the sum holds gradients, not their squares; accumulate g^2": "not squared",
    "the sum holds absolute values; accumulate g^2 and take the root": "absolute",
    "the root is missing; divide by sqrt(G) + eps": "no root",
    "this divides by the mean of the squares; Adagrad divides by the root of their SUM": "average",
    "the sum is used before this step's gradient is added": "old sum",
    "one sum for the whole tensor; every entry has its own": "norm",
}
NO_EPS = "; an entry whose gradients are all zero divides 0 by 0: add eps to the root"


def test_adagrad__sums_squared_gradients(student: Any, rng: np.random.Generator) -> None:
    compare(student, "Adagrad", *draw_problem(rng), {"lr": 0.2}, ADAGRAD, if_not_finite=NO_EPS)


def test_adagrad__each_entry_has_its_own_rate(student: Any, rng: np.random.Generator) -> None:
    start, gradients = draw_problem(rng, steps=10)
    scales = torch.tensor([1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1e3], dtype=torch.float64)
    gradients = [gradients[0] * scales]
    compare(student, "Adagrad", start, gradients, {"lr": 0.2}, ADAGRAD, about="with gradients of very different size")


EPSILON = {
    "eps is inside the root; sqrt(.) + eps is asked for": "inside",
    "eps is a floor (maximum); it is added to the root": "floor",
    "eps has no effect": "no eps",
}


def test_adagrad__eps_stands_outside_the_root(student: Any, rng: np.random.Generator) -> None:
    problem = draw_problem(rng, steps=10, scale=1e-3)
    compare(student, "Adagrad", *problem, {"lr": 0.2, "eps": 1e-3}, EPSILON, about="with gradients as small as eps")


def test_adagrad__zero_gradients_move_nothing(student: Any, rng: np.random.Generator) -> None:
    start, gradients = draw_problem(rng, steps=5)
    gradients[0][:, :3] = 0.0
    about = "where some gradients are zero"
    compare(student, "Adagrad", start, gradients, {"lr": 0.2}, ADAGRAD, about=about, if_not_finite=NO_EPS)


def test_adagrad__defaults(student: Any, rng: np.random.Generator) -> None:
    problem = draw_problem(rng, steps=5, scale=1e-10)
    hyper = {"lr": 0.01, "eps": 1e-10}
    compare(student, "Adagrad", *problem, hyper, EPSILON, about="with its defaults", told={})


RMSPROP = {
    "the average is forgotten between steps; keep one for each parameter on self": "forgets",
    "alpha and 1 - alpha are swapped; s = alpha s + (1 - alpha) g^2": "swapped",
    "the squares are summed as in Adagrad; RMSProp averages: s = alpha s + (1 - alpha) g^2": "sum",
    "the factor 1 - alpha before g^2 is missing": "no share",
    "a bias correction is applied; RMSProp has none": "corrected",
    "the average starts at g^2; it starts at 0": "starts at g^2",
    "the root is missing; divide by sqrt(s) + eps": "no root",
    "alpha is fixed at 0.99; use the argument": "hard-coded",
}


def test_rmsprop__averages_squared_gradients(student: Any, rng: np.random.Generator) -> None:
    compare(student, "RMSprop", *draw_problem(rng), {"lr": 0.02, "alpha": 0.9}, RMSPROP, if_not_finite=NO_EPS)


def test_rmsprop__forgets_old_gradients(student: Any, rng: np.random.Generator) -> None:
    start, gradients = draw_problem(rng, steps=40)
    gradients[0][:10] *= 100.0
    gradients[0][10:] *= 0.1
    hyper = {"lr": 0.02, "alpha": 0.7}
    compare(student, "RMSprop", start, gradients, hyper, RMSPROP, about="with large gradients, then small ones")


def test_rmsprop__eps_stands_outside_the_root(student: Any, rng: np.random.Generator) -> None:
    problem = draw_problem(rng, steps=10, scale=1e-3)
    hyper = {"lr": 0.02, "alpha": 0.95, "eps": 1e-3}
    compare(student, "RMSprop", *problem, hyper, EPSILON, about="with gradients as small as eps")


def test_rmsprop__zero_gradients_move_nothing(student: Any, rng: np.random.Generator) -> None:
    start, gradients = draw_problem(rng, steps=5)
    gradients[0][:, :3] = 0.0
    about = "where some gradients are zero"
    hyper = {"lr": 0.02, "alpha": 0.95}
    compare(student, "RMSprop", start, gradients, hyper, RMSPROP, about=about, if_not_finite=NO_EPS)


def test_rmsprop__defaults(student: Any, rng: np.random.Generator) -> None:
    problem = draw_problem(rng, steps=5, scale=1e-8)
    hyper = {"lr": 0.01, "alpha": 0.99, "eps": 1e-8}
    other = {"the default of alpha is 0.99; leave the signature as it was given": "other default"}
    compare(student, "RMSprop", *problem, hyper, EPSILON | other, about="with its defaults", told={})


ADAM = {
    "the averages are forgotten between steps; keep both for each parameter on self": "forgets",
    "the bias correction is missing; divide m by 1 - beta_1^t and s by 1 - beta_2^t": "uncorrected",
    "the bias correction uses 1 - beta in place of 1 - beta^t": "constant",
    "the bias correction is one step late; t is 1 at the first step": "late",
    "the bias correction is one step early; t is 1 at the first step, not 2": "early",
    "only m is corrected; divide s by 1 - beta_2^t too": "only the mean",
    "beta_1 and beta_2 are swapped": "swapped",
    "the betas are fixed at 0.9 and 0.999; use the argument": "hard-coded",
}
ADAM_NOT_FINITE = "; t counts from 1 (at t = 0 the correction 1 - beta^t is zero), and s averages g^2, not g"


def test_adam__equals_torch_over_50_steps(student: Any, rng: np.random.Generator) -> None:
    compare(student, "Adam", *draw_problem(rng), {"lr": 0.02}, ADAM, if_not_finite=ADAM_NOT_FINITE)


def test_adam__adamw_equals_torch_over_50_steps(student: Any, rng: np.random.Generator) -> None:
    hyper = {"lr": 0.02, "weight_decay": 0.0}
    problem = draw_problem(rng)
    compare(student, "AdamW", *problem, hyper, ADAM, about="without decay", if_not_finite=ADAM_NOT_FINITE)


def test_adam__bias_correction_makes_the_first_steps_right(student: Any, rng: np.random.Generator) -> None:
    for name in NAMES["adam"]:
        problem = draw_problem(rng, steps=3)
        hyper = {"lr": 0.02, "weight_decay": 0.0}
        about = "in its first three steps"
        compare(student, name, *problem, hyper, ADAM, about=about, if_not_finite=ADAM_NOT_FINITE)


def test_adam__betas_are_used(student: Any, rng: np.random.Generator) -> None:
    for name in NAMES["adam"]:
        hyper = {"lr": 0.02, "betas": (0.6, 0.95), "weight_decay": 0.0}
        about = "with other betas"
        compare(student, name, *draw_problem(rng, steps=20), hyper, ADAM, about=about, if_not_finite=ADAM_NOT_FINITE)


def test_adam__eps_stands_outside_the_root(student: Any, rng: np.random.Generator) -> None:
    early = {"eps is added before the bias correction; add it to the root of the corrected s": "early eps"}
    for name in NAMES["adam"]:
        hyper = {"lr": 0.02, "eps": 1e-3, "weight_decay": 0.0}
        problem = draw_problem(rng, steps=10, scale=1e-3)
        compare(student, name, *problem, hyper, EPSILON | early, about="with gradients as small as eps")


def test_adam__zero_gradients_stay_finite(student: Any, rng: np.random.Generator) -> None:
    for name in NAMES["adam"]:
        start, gradients = draw_problem(rng, steps=5)
        gradients[0][:, :3] = 0.0
        hyper = {"lr": 0.02, "weight_decay": 0.0}
        about = "where some gradients are zero"
        compare(student, name, start, gradients, hyper, ADAM, about=about, if_not_finite=NO_EPS)


DECAY = {
    "weight_decay has no effect": "decay ignored",
    "the decay has the wrong sign, the weights grow": "decay sign",
}


def test_adam__adam_adds_the_decay_to_the_gradient(student: Any, rng: np.random.Generator) -> None:
    hyper = {"lr": 0.02, "weight_decay": 0.3}
    other = {"this is AdamW's decay; Adam adds weight_decay * w to the gradient": "other decay"}
    compare(student, "Adam", *draw_problem(rng), hyper, DECAY | other | ADAM, about="with weight decay")


def test_adam__adamw_decays_apart_from_the_gradient(student: Any, rng: np.random.Generator) -> None:
    hyper = {"lr": 0.02, "weight_decay": 0.3}
    other = {
        "the decay is added to the gradient, as in Adam; AdamW shrinks the weights apart from it": "other decay",
        "the decay is not multiplied by the learning rate; shrink by lr * weight_decay * w": "decay without lr",
        "the weights are shrunk after Adam's step; the decay uses the weights from before it": "decay after",
    }
    compare(student, "AdamW", *draw_problem(rng), hyper, DECAY | other | ADAM, about="with weight decay")


def test_adam__defaults(student: Any, rng: np.random.Generator) -> None:
    defaults = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8}
    for name, decay in (("Adam", 0.0), ("AdamW", 1e-2)):
        problem = draw_problem(rng, steps=5, scale=1e-8)
        hyper = defaults | {"weight_decay": decay}
        compare(student, name, *problem, hyper, EPSILON | DECAY, about="with its defaults", told={})


def joint_norm(gradients: Sequence[Tensor]) -> float:
    return math.sqrt(sum(float((g.double() ** 2).sum()) for g in gradients))


def clipped(
    student: Any,
    gradients: list[Tensor],
    max_norm: float,
    *,
    about: str = "",
    container: str = "list",
    transposed: bool = False,
) -> dict[str, Any]:
    """Clip, check the gradients against the scaled ones, and return what the probe returned."""
    outcome = student.probe(probes.clip, gradients, max_norm, container=container, transposed=transposed)
    name = f"clip_grad_norm{about}"
    norm = joint_norm(gradients)
    factor = min(1.0, max_norm / norm) if norm > 0 else 1.0
    if_not_finite = {
        norm == 0: "; the norm is 0 here, divide by it only where it is larger than max_norm",
        max_norm == math.inf: "; inf / inf is nan, scale only where the norm is larger than max_norm",
    }.get(True, "")
    for after, before in zip(outcome["gradients"], gradients, strict=True):
        plain = check_tensor(after, name=f"{name}, a gradient", shape=before.shape, dtype=before.dtype, finite=False)
        bad = int((~plain.isfinite()).sum())
        check(bad == 0, f"{name}, a gradient: {bad} of {plain.numel()} entries are inf or nan{if_not_finite}")
    norms = [float(g.norm()) for g in gradients]
    mistakes = {
        "the gradients did not change; scale them in place": gradients,
        "the gradients were scaled up to max_norm; smaller ones must stay as they are": [
            g * (max_norm / max(norm, 1e-30)) for g in gradients
        ],
        "each gradient was clipped by its own norm; use one norm over all of them together": [
            g * min(1.0, max_norm / max(n, 1e-30)) for g, n in zip(gradients, norms, strict=True)
        ],
        "the entries were cut at max_norm (clipping by value); scale by the norm": [
            g.clamp(-max_norm, max_norm) for g in gradients
        ],
        "the gradients were divided by the norm but not multiplied by max_norm": [g / norm for g in gradients]
        if norm > 0
        else gradients,
        "the norm used is the sum of the tensors' norms; it is the root of the sum of all squares": [
            g * min(1.0, max_norm / max(sum(norms), 1e-30)) for g in gradients
        ],
        "the norm used is the sum of squares without its root": [
            g * min(1.0, max_norm / max(norm**2, 1e-30)) for g in gradients
        ],
        "only tensors whose own norm is larger than max_norm were scaled; the factor is the same for all": [
            g * (factor if n > max_norm else 1.0) for g, n in zip(gradients, norms, strict=True)
        ],
        "the norm used is the largest norm of a single tensor; take all tensors together": [
            g * min(1.0, max_norm / max(*norms, 1e-30)) for g in gradients
        ],
    }
    check_close(
        flat(outcome["gradients"]),
        flat([g * factor for g in gradients]),
        name=f"{name}: gradients afterwards",
        rtol=1e-5,
        atol=1e-9,
        mistakes={sentence: flat(wrong) for sentence, wrong in mistakes.items()},
    )
    return dict(outcome)


def returned_norm(outcome: Mapping[str, Any], gradients: Sequence[Tensor], max_norm: float, *, about: str = "") -> None:
    result = outcome["result"]
    name = f"clip_grad_norm{about}: returned norm"
    if isinstance(result, Tensor):
        value = float(check_tensor(result, name=name, shape=()))
    else:
        value = number(result, name=name)
    norm = joint_norm(gradients)
    hints = {
        min(norm, max_norm): "this is the norm AFTER clipping; return the norm before",
        norm**2: "the root is missing",
        max_norm / norm: "this is the scale factor; return the norm",
        sum(float(g.norm()) for g in gradients): "this is the sum of the tensors' norms; take the root of all squares",
    }
    if not math.isclose(value, norm, rel_tol=1e-5):
        found = [f"; {hint}" for wrong, hint in hints.items() if math.isclose(value, wrong, rel_tol=1e-5)]
        if norm < value < norm + 1e-3:
            found.append("; a small number is added, as 1e-6 may be in the denominator; return the norm itself")
        raise AssertionError(f"{name}: wrong value{found[0] if found else ''}")


def draw_gradients(rng: np.random.Generator, norm: float, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Return gradients of four shapes with a given joint norm."""
    gradients = [draw(rng, shape) * (1 + i) for i, shape in enumerate(SHAPES)]
    return [(g * (norm / joint_norm(gradients))).to(dtype) for g in gradients]


def test_clip_grad_norm__scales_all_gradients_by_one_factor(student: Any, rng: np.random.Generator) -> None:
    for dtype in (torch.float64, torch.float32):
        for norm, max_norm in ((8.0, 1.0), (30.0, 2.5), (1.5, 0.3)):
            clipped(student, draw_gradients(rng, norm, dtype), max_norm)


def test_clip_grad_norm__never_scales_up(student: Any, rng: np.random.Generator) -> None:
    for norm, max_norm in ((0.5, 1.0), (2.0, 100.0), (1e-3, 0.3)):
        clipped(student, draw_gradients(rng, norm), max_norm, about=" below max_norm")


def test_clip_grad_norm__returns_the_norm_before(student: Any, rng: np.random.Generator) -> None:
    for norm, max_norm in ((8.0, 1.0), (2.0, 5.0), (1.7e-5, 1.0)):
        gradients = draw_gradients(rng, norm)
        outcome = student.probe(probes.clip, gradients, max_norm)
        returned_norm(outcome, gradients, max_norm, about=" above max_norm" if norm > max_norm else " below max_norm")


def test_clip_grad_norm__the_same_gradient_tensors_stay(student: Any, rng: np.random.Generator) -> None:
    for norm in (8.0, 0.5):
        outcome = student.probe(probes.clip, draw_gradients(rng, norm), 1.0)
        check(
            all(outcome["same_objects"]),
            "clip_grad_norm: .grad is a new tensor, expected the same one scaled in place; use g.mul_(factor)",
        )
        check(not outcome["parameters_moved"], "clip_grad_norm: the parameters changed; only .grad may change")


def test_clip_grad_norm__skips_parameters_without_gradient(student: Any, rng: np.random.Generator) -> None:
    gradients = draw_gradients(rng, 8.0)
    given = [gradients[0], None, *gradients[1:]]
    outcome = student.probe(probes.clip, given, 1.0)
    after = list(outcome["gradients"])
    check(after.pop(1) is None, "clip_grad_norm: a .grad that was None became a tensor; skip that parameter")
    name = "clip_grad_norm where one .grad is None: gradients afterwards"
    check_close(flat(after), flat([g / 8 for g in gradients]), name=name, rtol=1e-5, atol=1e-9)
    returned_norm(outcome, gradients, 1.0, about=" where one .grad is None")


def test_clip_grad_norm__parameters_may_be_a_generator(student: Any, rng: np.random.Generator) -> None:
    gradients = draw_gradients(rng, 8.0)
    about = " with `parameters` given as a generator (it can be read only once)"
    returned_norm(clipped(student, gradients, 1.0, about=about, container="generator"), gradients, 1.0, about=about)


def test_clip_grad_norm__zero_gradients_stay_zero(student: Any, rng: np.random.Generator) -> None:
    clipped(student, [torch.zeros(3), torch.zeros(2, 2)], 1.0, about=" where all gradients are zero")


def test_clip_grad_norm__infinity_only_measures(student: Any, rng: np.random.Generator) -> None:
    gradients = draw_gradients(rng, 8.0)
    about = " with max_norm=math.inf"
    returned_norm(clipped(student, gradients, math.inf, about=about), gradients, math.inf, about=about)


def test_clip_grad_norm__leaves_no_gradient_unscaled_that_is_not_contiguous(
    student: Any, rng: np.random.Generator
) -> None:
    """A flat copy of such a gradient must not be scaled in its place; an answer that PyTorch stops is kept."""
    gradients = [draw(rng, (3, 4)), draw(rng, (2, 5))]
    try:
        clipped(student, gradients, 0.5, about=" with gradients that are not contiguous", transposed=True)
    except StudentError as error:
        if "view size is not compatible" not in str(error):
            raise


def rates_of(student: Any, name: str, steps: Sequence[int], **hyper: Any) -> list[float]:
    """Return a schedule's values as floats, having checked that each is a finite number."""
    result = student.probe(probes.table, name, list(steps), **hyper)
    values = [number(value, name=f"{name}: the rate at one step") for value in result]
    bad = sum(not math.isfinite(value) for value in values)
    check(bad == 0, f"{name}: {bad} of {len(values)} rates are inf or nan, expected finite numbers")
    return values


def same_rates(
    student: Any,
    name: str,
    steps: Sequence[int],
    mistakes: Mapping[str, Callable[[int], float]],
    *,
    about: str = "",
    **hyper: Any,
) -> None:
    actual = rates_of(student, name, steps, **hyper)
    right = getattr(schedules, name)
    largest = max(hyper.values())

    def unlike(rule: Callable[[int], float]) -> list[int]:
        """Return the steps at which the student's rate is not that of the rule."""
        return [
            t
            for t, rate in zip(steps, actual, strict=True)
            if not math.isclose(rate, rule(t), rel_tol=1e-5, abs_tol=1e-7 * min(largest, 1.0))
        ]

    def fits(rule: Callable[[int], float]) -> bool:
        try:
            return not unlike(rule)
        except (ArithmeticError, ValueError):
            return False

    wrong, every = sorted(set(unlike(lambda t: right(t, **hyper)))), sorted(set(steps))
    if not wrong:
        return
    n = len(wrong)
    which = "the last " if wrong == every[-n:] else "the first " if wrong == every[:n] else ""
    found = [f"; {sentence}" for sentence, rule in mistakes.items() if fits(rule)]
    how_many = "every step" if n == len(every) else f"{which}{n} of {len(every)} steps"
    raise AssertionError(f"{name}{about}: wrong rates at {how_many}{found[0] if found else ''}")


def off_by_one(name: str, **hyper: Any) -> dict[str, Callable[[int], float]]:
    right = getattr(schedules, name)
    return {
        "the schedule is one step ahead; the first step is t = 0": lambda t: right(t + 1, **hyper),
        "the schedule is one step late; the first step is t = 0": lambda t: right(max(t - 1, 0), **hyper),
    }


def test_schedules__exponential_decay_follows_its_formula(student: Any, rng: np.random.Generator) -> None:
    lr0, k = float(rng.uniform(0.1, 2)), float(rng.uniform(0.02, 0.3))
    mistakes = {
        "exp(-k t) is applied to the previous rate, so that k t adds up; it applies to lr0": lambda t: (
            lr0 * math.exp(-k * t * (t + 1) / 2)
        ),
        "exp(-k t) is applied to the previous rate, so that the k t add up; it applies to lr0": lambda t: (
            lr0 * math.exp(-k * t * (t - 1) / 2)
        ),
        "k is used as the factor (lr0 k^t); the factor of one step is exp(-k)": lambda t: lr0 * k**t,
        "the factor of one step is 1 - k; it is exp(-k)": lambda t: lr0 * (1 - k) ** t,
        "the rate grows; the exponent is -k t": lambda t: lr0 * math.exp(k * t),
        "the base is 2; it is e": lambda t: lr0 * 2 ** (-k * t),
        "lr0 is missing": lambda t: math.exp(-k * t),
        "the rate does not depend on t": lambda t: lr0 * math.exp(-k),
        "the step t is cut to whole multiples of 1/k": lambda t: lr0 * math.exp(-(k * t // 1)),
    } | off_by_one("exponential_decay", lr0=lr0, k=k)
    same_rates(student, "exponential_decay", [*range(40), 100], mistakes, lr0=lr0, k=k)


def test_schedules__inverse_time_decay_follows_its_formula(student: Any, rng: np.random.Generator) -> None:
    lr0, k = float(rng.uniform(0.1, 2)), float(rng.uniform(0.02, 0.9))
    mistakes = {
        "1 + k is raised to the power t; the rate is lr0 / (1 + k t)": lambda t: lr0 / (1 + k) ** t,
        "the previous rate is divided again; divide lr0 once": lambda t: (
            lr0 / math.prod(1 + k * s for s in range(1, t + 1))
        ),
        "this is 1 / (1 + t k lr0)": lambda t: 1 / (1 + t * k * lr0),
        "the division is rounded down to whole numbers; use / and not //": lambda t: lr0 // (1 + k * t),
        "k t is rounded down to a whole number": lambda t: lr0 / (1 + int(k * t)),
        "a root is taken; the rate is lr0 / (1 + k t)": lambda t: lr0 / math.sqrt(1 + k * t),
        "k is missing": lambda t: lr0 / (1 + t),
        "this is lr0 / (k + t)": lambda t: lr0 / (k + t),
    } | off_by_one("inverse_time_decay", lr0=lr0, k=k)
    same_rates(student, "inverse_time_decay", [*range(40), 1000], mistakes, lr0=lr0, k=k)


def draw_cosine(rng: np.random.Generator, warmup: int | None = None) -> dict[str, Any]:
    first = int(rng.integers(3, 9)) if warmup is None else warmup
    return {
        "lr_max": float(rng.uniform(0.5, 2)),
        "warmup": first,
        "total": first + int(rng.integers(11, 30)),
        "lr_min": float(rng.uniform(0.01, 0.1)),
    }


def test_schedules__warmup_rises_linearly_to_lr_max(student: Any, rng: np.random.Generator) -> None:
    hyper = draw_cosine(rng)
    top, warmup, low = hyper["lr_max"], hyper["warmup"], hyper["lr_min"]
    mistakes: dict[str, Callable[[int], float]] = {
        "the first rate is zero, that step is lost; the rates are lr_max (t + 1) / warmup": lambda t: top * t / warmup,
        "the warm-up starts from lr_min; the rates are lr_max (t + 1) / warmup": lambda t: (
            low + (top - low) * t / warmup
        ),
        "the warm-up starts at lr_min; the rates are lr_max (t + 1) / warmup": lambda t: (
            low + (top - low) * (t + 1) / warmup
        ),
        "there is no warm-up": lambda t: schedules.cosine_with_warmup(t, **(hyper | {"warmup": 0})),
        "lr_max is reached too late; the rates are lr_max (t + 1) / warmup": lambda t: top * (t + 1) / (warmup + 1),
        "the division is rounded down to whole numbers; use / and not //": lambda t: top * ((t + 1) // warmup),
        "the rate is constant during warm-up": lambda t: top,
    }
    about = " during warm-up"
    same_rates(student, "cosine_with_warmup", range(warmup), mistakes, about=about, **hyper)


def cosine_mistakes(lr_max: float, warmup: int, total: int, lr_min: float) -> dict[str, Callable[[int], float]]:
    steps, gap = total - warmup, lr_max - lr_min

    def half(progress: float) -> float:
        return lr_min + gap * (1 + math.cos(math.pi * progress)) / 2

    def cosine(t: int) -> float:
        return math.cos(math.pi * (t - warmup) / steps)

    return {
        "the cosine runs over `total` steps; it has total - warmup": lambda t: half((t - warmup) / total),
        "the cosine counts from t = 0; it starts at t = warmup": lambda t: half(t / total),
        "the cosine counts from t = 0, over total - warmup steps": lambda t: half(t / steps),
        "a whole cosine comes back to lr_max; half a cosine ends at lr_min": lambda t: half(2 * (t - warmup) / steps),
        "a quarter of a cosine; half a cosine has 1 + cos(pi ...), halved": lambda t: (
            lr_min + gap * math.cos(math.pi / 2 * (t - warmup) / steps)
        ),
        "the 1 + before the cosine is missing": lambda t: lr_min + gap * cosine(t) / 2,
        "the factor 1/2 is missing": lambda t: lr_min + gap * (1 + cosine(t)),
        "lr_min is reached one step early; it is reached at t = total": lambda t: half((t - warmup) / (steps - 1)),
        "the cosine is one step ahead; it is lr_max at t = warmup": lambda t: half((t + 1 - warmup) / steps),
        "lr_min is ignored": lambda t: lr_max * (1 + cosine(t)) / 2,
        "lr_min is added on top of lr_max": lambda t: lr_min + lr_max * (1 + cosine(t)) / 2,
        "lr_min is a floor (maximum); the cosine itself ends at lr_min": lambda t: max(
            lr_min, lr_max * (1 + cosine(t)) / 2
        ),
        "the fall is a straight line": lambda t: lr_max - gap * (t - warmup) / steps,
        "the progress is rounded down to whole numbers; use / and not //": lambda t: half((t - warmup) // steps),
    }


def test_schedules__cosine_falls_from_lr_max_to_lr_min(student: Any, rng: np.random.Generator) -> None:
    for warmup in (None, 0):
        hyper = draw_cosine(rng, warmup)
        about = " after warm-up" if hyper["warmup"] else " with warmup=0"
        steps = range(hyper["warmup"], hyper["total"] + 1)
        same_rates(student, "cosine_with_warmup", steps, cosine_mistakes(**hyper), about=about, **hyper)


def test_schedules__cosine_stays_at_lr_min_after_total(student: Any, rng: np.random.Generator) -> None:
    hyper = draw_cosine(rng)
    top, first, total, low = hyper["lr_max"], hyper["warmup"], hyper["total"], hyper["lr_min"]
    mistakes: dict[str, Callable[[int], float]] = {
        "the rate rises again; stay at lr_min after t = total": lambda t: (
            low + (top - low) * (1 + math.cos(math.pi * (t - first) / (total - first))) / 2
        ),
        "the rate is 0; it stays at lr_min": lambda t: 0.0,
    }
    steps = [total + s for s in (0, 1, 2, 7, 1000)]
    same_rates(student, "cosine_with_warmup", steps[1:], mistakes, about=" after t = total", **hyper)
    del hyper["lr_min"]
    same_rates(student, "cosine_with_warmup", steps, {}, about=" with the default lr_min", **hyper)


def triangle_mistakes(lr_min: float, lr_max: float, half_cycle: int) -> dict[str, Callable[[int], float]]:
    n, gap = half_cycle, lr_max - lr_min

    def height(position: float) -> float:
        """Triangle of period 2: from 0 up to 1 and back."""
        return 1 - abs(position % 2 - 1)

    return {
        "a sawtooth: at the top it drops at once; it goes down as slowly as up": lambda t: lr_min + gap * (t % n) / n,
        "a sawtooth: it climbs for a whole cycle; go up for half_cycle steps, then down": lambda t: (
            lr_min + gap * (t % (2 * n)) / (2 * n)
        ),
        "the whole cycle takes half_cycle steps; up takes half_cycle, down as many": lambda t: (
            lr_min + gap * height(2 * t / n)
        ),
        "it starts at lr_max; it starts at lr_min": lambda t: lr_max - gap * height(t / n),
        "it ends after the first cycle; it goes on for ever": lambda t: (
            lr_min + gap * (height(t / n) if t <= 2 * n else 0)
        ),
        "it ends after the second cycle; it goes on for ever": lambda t: (
            lr_min + gap * (height(t / n) if t <= 4 * n else 0)
        ),
        "it goes on above lr_max; it turns at t = half_cycle": lambda t: lr_min + gap * t / n,
        "it falls below lr_min after a cycle; use t modulo the cycle": lambda t: lr_min + gap * (1 - abs(t / n - 1)),
        "the division is rounded down to whole numbers; use / and not //": lambda t: lr_min + gap * height(t // n),
        "it is a cosine wave; the sides are straight": lambda t: lr_min + gap * (1 - math.cos(math.pi * t / n)) / 2,
        "it swings from 0 to lr_max; the lowest rate is lr_min": lambda t: lr_max * height(t / n),
        "lr_max is added on top of lr_min": lambda t: lr_min + lr_max * height(t / n),
    }


def test_schedules__cyclical_is_a_triangle(student: Any, rng: np.random.Generator) -> None:
    for half_cycle in (int(rng.integers(3, 6)) * 2, int(rng.integers(3, 6)) * 2 + 1, 1):
        low, high = float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.5, 2))
        hyper: dict[str, Any] = {"lr_min": low, "lr_max": high, "half_cycle": half_cycle}
        mistakes = triangle_mistakes(low, high, half_cycle) | off_by_one("cyclical", **hyper)
        same_rates(student, "cyclical", range(6 * half_cycle + 2), mistakes, **hyper)
        late = range(100_000, 100_000 + 2 * half_cycle)
        same_rates(student, "cyclical", late, mistakes, about=" after 100,000 steps", **hyper)


def test_schedules__calls_do_not_depend_on_each_other(student: Any, rng: np.random.Generator) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "exponential_decay": {"lr0": 0.5, "k": 0.1},
        "inverse_time_decay": {"lr0": 0.5, "k": 0.1},
        "cosine_with_warmup": {"lr_max": 0.5, "warmup": 4, "total": 20},
        "cyclical": {"lr_min": 0.1, "lr_max": 0.5, "half_cycle": 5},
    }
    for name, hyper in arguments.items():
        once = [int(t) for t in rng.permutation(25)]
        values = rates_of(student, name, once + once[::-1], **hyper)
        check(
            values[:25] == values[:24:-1],
            f"{name}: the same step gives another rate at the second call; the rate depends on t alone, keep no state",
        )
        same_rates(student, name, once, {}, about=" asked for in any order", **hyper)


MLP = ("linear", "relu", "linear")
NORMALIZED = ("linear", "batchnorm", "relu", "dropout", "linear")


def draw_range_problem(
    rng: np.random.Generator, batches: int = 6, dtype: torch.dtype = torch.float64
) -> tuple[list[Tensor], list[tuple[Tensor, Tensor]]]:
    """Return the weights of a 5-8-3 net and batches of different sizes."""
    weights = [draw(rng, shape, dtype) * 0.7 for shape in ((8, 5), (8,), (3, 8), (3,))]
    sizes = [9, 6, 7, 5, 8, 6, 7, 9][:batches]
    return weights, [(2 * draw(rng, (n, 5), dtype), torch.from_numpy(rng.integers(0, 3, n))) for n in sizes]


def range_losses(
    layers: Sequence[str],
    weights: Sequence[Tensor],
    batches: Sequence[tuple[Tensor, Tensor]],
    rates: Sequence[float],
    *,
    variant: str = "",
) -> Tensor:
    """Return the losses of the test, or of one with a known mistake."""
    model = probes.build(layers, weights)
    if variant == "eval":
        model.eval()
    params: list[Tensor] = list(model.parameters())
    if variant == "stale":
        for w in params:
            w.grad = torch.ones_like(w)
    losses = []
    for i, lr in enumerate(rates):
        X, y = batches[0] if variant == "one batch" else batches[i % len(batches)]
        if variant not in ("accumulates", "stale") or (variant == "stale" and i > 0):
            model.zero_grad()
        loss = F.cross_entropy(model(X), y, reduction="sum" if variant == "sum" else "mean")
        loss.backward()
        with torch.no_grad():
            for w in params:
                assert w.grad is not None
                w += {"uphill": lr, "frozen": 0.0}.get(variant, -lr) * w.grad
            losses.append(float(F.cross_entropy(model(X), y)) if variant == "after" else float(loss))
        if variant == "restart":
            model = probes.build(layers, weights)
            params = list(model.parameters())
    if variant == "smoothed":
        for i in range(1, len(losses)):
            losses[i] = 0.9 * losses[i - 1] + 0.1 * losses[i]
    if variant == "best so far":
        losses = np.minimum.accumulate(losses).tolist()
    return torch.tensor(losses, dtype=torch.float64)


RANGE = {
    "this is the loss after each step; record it before the step": "after",
    "the gradients of the steps add up; clear them before each backward()": "accumulates",
    "the same batch is used every time; take the batches in order": "one batch",
    "the model starts afresh for each rate; the steps follow one another": "restart",
    "the model does not learn; each rate takes one step": "frozen",
    "the steps go uphill; subtract lr times the gradient": "uphill",
    "the loss is summed over the batch; take the mean": "sum",
    "the losses are smoothed; record each as it is": "smoothed",
    "this is the lowest loss so far; record each as it is": "best so far",
}


START_OVER = "; start over with the batches when they end"


def losses_from(
    outcome: Mapping[str, Any], rates: Sequence[float], *, about: str = "", if_too_few: str = START_OVER
) -> list[float]:
    """Return the recorded losses as floats, having checked their number and type."""
    name = f"learning_rate_range_test{about}"
    losses = outcome["losses"]
    if not isinstance(losses, list | tuple):
        raise AssertionError(f"{name}: expected a list of floats, got {type(losses).__name__}")
    for loss in losses:
        if isinstance(loss, Tensor):
            raise AssertionError(f"{name}: the list holds tensors, expected floats; use loss.item()")
        number(loss, name=f"{name}, one loss")
    hint = if_too_few if len(losses) < len(rates) else ""
    check(len(losses) == len(rates), f"{name}: {len(losses)} losses for {len(rates)} rates, expected one each{hint}")
    return [float(loss) for loss in losses]


def same_losses(
    outcome: Mapping[str, Any],
    layers: Sequence[str],
    weights: Sequence[Tensor],
    batches: Sequence[tuple[Tensor, Tensor]],
    rates: Sequence[float],
    *,
    about: str = "",
    variants: Mapping[str, str] | None = None,
) -> None:
    losses = losses_from(outcome, rates, about=about)
    single = weights[0].dtype == torch.float32
    check_close(
        torch.tensor(losses, dtype=torch.float64),
        range_losses(layers, weights, batches, rates),
        name=f"learning_rate_range_test{about}: losses",
        rtol=1e-3 if single else 1e-7,
        atol=1e-5 if single else 1e-9,
        mistakes={
            sentence: range_losses(layers, weights, batches, rates, variant=variant)
            for sentence, variant in (RANGE | dict(variants or {})).items()
        },
    )


def test_learning_rate_range_test__records_the_loss_before_each_step(student: Any, rng: np.random.Generator) -> None:
    for dtype in (torch.float64, torch.float32):
        weights, batches = draw_range_problem(rng, dtype=dtype)
        rates = np.geomspace(1e-3, 0.3, 6).tolist()
        outcome = student.probe(probes.range_test, MLP, weights, batches, rates)
        same_losses(outcome, MLP, weights, batches, rates)


def test_learning_rate_range_test__starts_over_with_the_batches(student: Any, rng: np.random.Generator) -> None:
    weights, batches = draw_range_problem(rng, batches=3)
    rates = np.geomspace(1e-3, 0.3, 14).tolist()
    outcome = student.probe(probes.range_test, MLP, weights, batches, rates)
    same_losses(outcome, MLP, weights, batches, rates, about=" with fewer batches than rates")


def test_learning_rate_range_test__takes_a_one_shot_iterator(student: Any, rng: np.random.Generator) -> None:
    weights, batches = draw_range_problem(rng, batches=5)
    rates = [0.01, 0.2, 0.1, 0.02, 0.3]
    outcome = student.probe(probes.range_test, MLP, weights, batches, rates, one_shot=True)
    same_losses(outcome, MLP, weights, batches, rates, about=" with batches from an iterator")


def test_learning_rate_range_test__ignores_gradients_left_from_before(student: Any, rng: np.random.Generator) -> None:
    weights, batches = draw_range_problem(rng, batches=4)
    rates = [0.1, 0.1, 0.2, 0.1]
    outcome = student.probe(probes.range_test, MLP, weights, batches, rates, stale_gradients=True)
    stale = {"the first step uses a gradient left from before; clear the gradients before backward()": "stale"}
    about = " for a model that still holds gradients"
    same_losses(outcome, MLP, weights, batches, rates, about=about, variants=stale)


def test_learning_rate_range_test__runs_in_train_mode(student: Any, rng: np.random.Generator) -> None:
    weights, batches = draw_range_problem(rng)
    rates = np.geomspace(1e-3, 0.3, 6).tolist()
    layers = tuple(layer for layer in NORMALIZED if layer != "dropout")
    names = [name for name, _ in probes.build(layers, weights).named_modules()]
    outcome = student.probe(probes.range_test, layers, weights, batches, rates, modes=dict.fromkeys(names, False))
    about = " of a model that comes in eval mode"
    in_train = list(outcome["modes_seen"])
    evaluation = "learning_rate_range_test: the model ran in eval mode; call model.train() first"
    check(len(in_train) > 0 and all(in_train), evaluation)
    same_losses(outcome, layers, weights, batches, rates, about=about, variants={"the model ran in eval mode": "eval"})


def test_learning_rate_range_test__restores_the_weights(student: Any, rng: np.random.Generator) -> None:
    weights, batches = draw_range_problem(rng)
    outcome = student.probe(probes.range_test, MLP, weights, batches, [0.1, 0.2, 0.5])
    check_restored(outcome, MLP, weights, ("weight", "bias"), "weights")
    check(
        len(outcome["same_parameters"]) == len(weights) and all(outcome["same_parameters"]),
        "learning_rate_range_test: the model holds other parameter objects afterwards, which an optimizer made before "
        "does not know; write the old values into the parameters, as load_state_dict does",
    )


def test_learning_rate_range_test__leaves_frozen_parameters_frozen(student: Any, rng: np.random.Generator) -> None:
    """An answer that stops at a parameter without gradient is kept: the task promises none."""
    weights, batches = draw_range_problem(rng)
    frozen = ["0.weight", "0.bias"]
    try:
        outcome = student.probe(probes.range_test, MLP, weights, batches, [0.1, 0.2, 0.5], frozen=frozen)
    except StudentError as error:
        if error.kind != "raised":
            raise
        return
    check(
        list(outcome["frozen"]) == frozen,
        "learning_rate_range_test: a parameter that was frozen (requires_grad=False) requires a gradient afterwards; "
        "leave requires_grad as it is",
    )


def test_learning_rate_range_test__restores_the_buffers(student: Any, rng: np.random.Generator) -> None:
    weights, batches = draw_range_problem(rng)
    outcome = student.probe(probes.range_test, NORMALIZED, weights, batches, [0.1, 0.2, 0.5])
    buffers = ("running_mean", "running_var", "num_batches_tracked")
    check_restored(outcome, NORMALIZED, weights, buffers, "running statistics (buffers) of batch norm")


def check_restored(
    outcome: Mapping[str, Any], layers: Sequence[str], weights: Sequence[Tensor], ends: tuple[str, ...], what: str
) -> None:
    before = {k: v for k, v in probes.build(layers, weights).state_dict().items() if k.endswith(ends)}
    for key, value in before.items():
        name = f"learning_rate_range_test: {key.split('.')[-1]}"
        check(key in outcome["state"], f"{name} is missing afterwards")
        after = check_tensor(outcome["state"][key], name=name, shape=value.shape, dtype=value.dtype, finite=False)
        check(
            torch.equal(after, value),
            f"learning_rate_range_test: the {what} are not what they were; copy them before the first step (clone, not "
            "the tensors themselves) and put them back at the end",
        )


def test_learning_rate_range_test__restores_the_mode_of_every_module(student: Any, rng: np.random.Generator) -> None:
    weights, batches = draw_range_problem(rng)
    names = [name for name, _ in probes.build(NORMALIZED, weights).named_modules()]
    frozen = {name: name != "1" for name in names}  # the model trains, its batch norm is frozen
    for modes, which in (
        (None, "a model in train mode"),
        (dict.fromkeys(names, False), "a model in eval mode"),
        (frozen, "a model in train mode with one layer in eval mode"),
    ):
        outcome = student.probe(probes.range_test, NORMALIZED, weights, batches, [0.1, 0.2], modes=modes)
        before, after = outcome["modes_before"], outcome["modes_after"]
        changed = sum(before[name] != after.get(name) for name in before)
        check(
            changed == 0,
            f"learning_rate_range_test: {changed} of {len(before)} modules are in another mode afterwards ({which}); "
            "note `training` of each module and put it back",
        )


GO_ON = "; record inf and nan as they are, and go on"


def test_learning_rate_range_test__goes_on_when_the_loss_is_large(student: Any, rng: np.random.Generator) -> None:
    weights, batches = draw_range_problem(rng)
    rates = [0.1, 0.2, 100.0, 0.1, 0.05, 0.1]
    outcome = student.probe(probes.range_test, MLP, weights, batches, rates)
    about = " where the loss is large but finite"
    hint = "; go on however large the loss is"
    losses = losses_from(outcome, rates, about=about, if_too_few=hint)
    check(len(set(losses[-3:])) > 1, f"learning_rate_range_test{about}: the last losses are one number{hint}")
    same_losses(outcome, MLP, weights, batches, rates, about=about)


def test_learning_rate_range_test__tells_inf_from_nan(student: Any, rng: np.random.Generator) -> None:
    """One linear layer; the second batch has a loss beyond float32, the third holds nan."""
    weights = [torch.tensor([[3e19], [-3e19]]), torch.zeros(2)]
    inputs = (0.0, 1e19, math.nan, 0.0)
    batches = [(torch.tensor([[x]]), torch.tensor([1])) for x in inputs]
    about = " where the loss is finite, inf, nan and nan"
    outcome = student.probe(probes.range_test, ("linear",), weights, batches, [1e-30] * 4)
    losses = losses_from(outcome, inputs, about=about, if_too_few=GO_ON)
    kinds = ["nan" if math.isnan(loss) else "inf" if math.isinf(loss) else "finite" for loss in losses]
    expected = ["finite", "inf", "nan", "nan"]
    check(kinds == expected, f"learning_rate_range_test{about}: recorded {', '.join(kinds)}; record each as it is")


def test_learning_rate_range_test__records_inf_and_nan(student: Any, rng: np.random.Generator) -> None:
    weights, batches = draw_range_problem(rng, dtype=torch.float32)
    rates = [0.1, 0.2, 1e30, 1e35, float("inf"), 1.0, 0.1]
    about = " where the loss becomes inf and nan"
    try:
        outcome = student.probe(probes.range_test, MLP, weights, batches, rates)
    except StudentError as error:
        if error.kind != "raised":
            raise
        raise AssertionError(
            f"learning_rate_range_test{about}: raised an exception ({error}); record such losses and go on"
        ) from None
    losses = losses_from(outcome, rates, about=about, if_too_few=GO_ON)
    check(
        not math.isfinite(losses[-1]),
        f"learning_rate_range_test{about}: the last loss is finite; record inf and nan as they are, and do not stop",
    )
    check_restored(outcome, MLP, weights, ("weight", "bias"), "weights (after inf and nan)")
