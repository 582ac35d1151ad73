"""What runs beside the student's code for lab 04: makes tensors, models and generators, and returns plain data.

The first argument ``student`` maps the student's names to their objects. No probe judges or knows an expected value.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

Student = Mapping[str, Any]
Layer = tuple[Any, ...]  # ("linear", in, out), ("conv", in, out, *kernel), ("net", *layers), ("relu",), ...

START = 5.0
"""What stands in a tensor or parameter before an answer fills it."""

MISTAKEN = (AttributeError, AssertionError, IndexError, KeyError, RuntimeError, TypeError, ZeroDivisionError)
"""What code may raise in place of a ValueError."""


class Own(nn.Module):
    """An activation module of the learner's own."""

    def forward(self, X: Tensor) -> Tensor:
        return X * X


class Scaled(nn.Module):
    """An activation module with a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(0.5))

    def forward(self, X: Tensor) -> Tensor:
        return self.scale * X


class Failing(nn.Module):
    """A module whose forward pass raises."""

    def __init__(self, error: type[BaseException] = ArithmeticError) -> None:
        super().__init__()
        self.error = error

    def forward(self, X: Tensor) -> Tensor:
        raise self.error("this module fails")


class Counting(nn.Module):
    """A module that counts the rows that it has seen, in a buffer that is not in the state_dict."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("rows", torch.tensor(0.0), persistent=False)

    def forward(self, X: Tensor) -> Tensor:
        self.rows += len(X)
        return X


class Doubling(nn.Module):
    """A module that doubles its input in train mode."""

    def forward(self, X: Tensor) -> Tensor:
        return 2 * X if self.training else X


class DerivedLinear(nn.Linear):
    """A dense layer of the learner's own."""


class DerivedConv2d(nn.Conv2d):
    """A convolution of the learner's own."""


class DerivedDropout(nn.Dropout):
    """A dropout of the learner's own."""


class DerivedFlatten(nn.Flatten):
    """A flattening of the learner's own."""


class Pair(nn.Module):
    """A model that is no nn.Sequential."""

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__()
        self.body, self.head = nn.Sequential(*parts[:-1]), parts[-1]


def raised(student: Student, name: str, *arguments: Any) -> str:
    """Return the name of the exception that a call raises, or an empty string; one that is returned is told."""
    try:
        result = student[name](*arguments)
    except ValueError:
        return "ValueError"
    except NotImplementedError:  # an unfinished answer
        raise
    except MISTAKEN as error:
        if type(error).__name__ == "RefusedError":
            raise
        return type(error).__name__
    return "one that is returned; use raise" if isinstance(result, ValueError) else ""


def fans(student: Student, shape: Sequence[int]) -> dict[str, Any]:
    """Return what is said of a shape as a tuple, a list and a torch.Size, and the list afterwards."""
    given = list(shape)
    kinds = {"tuple": tuple(shape), "list": given, "torch.Size": torch.Size(shape)}
    return {"found": {kind: student["fan_in_and_fan_out"](it) for kind, it in kinds.items()}, "list": given}


@torch.enable_grad()
def fill(
    student: Student,
    name: str,
    shape: Sequence[int],
    runs: Sequence[Mapping[str, Any]],
    lent: Mapping[str, str],
    *,
    dtype: str = "float32",
    kind: str = "tensor",
) -> list[dict[str, Any]]:
    """Fill a tensor once for each run and return what can be seen of it.

    A run holds ``gain`` (where one is passed), ``seed`` (of the generator; None: go on with the last one; absent: no
    generator) and ``other`` (the global seed). ``kind`` is "tensor", "parameter" or "part" (of a larger tensor).
    """
    told = []
    for run in runs:
        large = torch.full((shape[0], shape[1] + 4, *shape[2:]), START, dtype=getattr(torch, dtype))
        tensor = large[:, 2:-2] if kind == "part" else large[:, 2:-2].contiguous()
        alias = tensor.detach()
        tensor = nn.Parameter(tensor) if kind == "parameter" else tensor
        if run.get("seed") is not None:
            generator = torch.Generator().manual_seed(run["seed"])
        settings = {"gain": run["gain"]} if "gain" in run else {}
        settings |= {"generator": generator} if "seed" in run else {}
        if "other" in run:
            torch.manual_seed(run["other"])
            np.random.seed(run["other"])
        before = _global_state()
        with lend(student, lent):
            result = student[name](tensor, **settings)
        values = alias.clone()
        large[:, 2:-2] = START
        told.append(
            {
                "values": values,
                "returned": type(result).__name__,
                "same": result is tensor,
                "is_leaf": tensor.is_leaf,
                "requires_grad": tensor.requires_grad,
                "around": bool((large == START).all()),
                "global": _global_state() != before,
            }
        )
    return told


def _global_state() -> tuple[bytes, bytes]:
    return torch.get_rng_state().numpy().tobytes(), np.random.get_state()[1].tobytes()


@contextmanager
def lend(student: Student, sources: Mapping[str, str]) -> Iterator[None]:
    """Put functions of other questions in place of the student's own for the time of the block."""
    names = student._namespace
    lent: dict[str, Any] = {"torch": torch, "Tensor": Tensor, "nn": nn, "math": math, "Sequence": Sequence}
    for source in dict.fromkeys(sources.values()):
        exec(source, lent)

    def call(name: str) -> Callable[..., Any]:
        def borrowed(*args: Any, **kwargs: Any) -> Any:
            if name not in lent:
                raise RuntimeError(f"this {name} was lent to another question; write your own")
            return lent[name](*args, **kwargs)

        return borrowed

    own = {name: names[name] for name in sources if name in names}
    names.update({name: call(name) for name in sources})
    try:
        yield
    finally:
        lent.clear()
        for name in sources:
            names.pop(name, None)
        names.update(own)


SIMPLE: dict[str, Callable[..., nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softmax": lambda: nn.Softmax(1),
    "gelu": nn.GELU,
    "in place": lambda: nn.ReLU(inplace=True),
    "prelu": nn.PReLU,
    "flatten": nn.Flatten,
    "dropout": nn.Dropout,
    "own": Own,
    "scaled": Scaled,
    "identity": nn.Identity,
    "pool": lambda: nn.MaxPool2d(2),
    "failing": Failing,
    "interrupted": lambda: Failing(KeyboardInterrupt),
    "counting": Counting,
    "doubling": Doubling,
    "derived linear": DerivedLinear,
    "derived conv": DerivedConv2d,
    "derived dropout": DerivedDropout,
    "derived flatten": DerivedFlatten,
    "grouped": lambda groups, *sizes: nn.Conv2d(*sizes, groups=groups),
    "norm": nn.BatchNorm1d,
    "norm2d": nn.BatchNorm2d,
    "layernorm": nn.LayerNorm,
    "embedding": nn.Embedding,
    "transposed": nn.ConvTranspose2d,
    "conv1d": nn.Conv1d,
}


def build(layers: Sequence[Layer], weights: Sequence[Tensor] | None = None, dtype: str = "float64") -> nn.Sequential:
    """Return a model; its parameters are ``weights`` in order, or ``START``.

    The layers are made without drawing numbers, because making them draws by the refused ``torch.nn.init``.
    """
    with ExitStack() as stack:
        for module in (
            nn.Linear,
            nn.Conv1d,
            nn.Conv2d,
            nn.BatchNorm1d,
            nn.BatchNorm2d,
            nn.LayerNorm,
            nn.Embedding,
            nn.ConvTranspose2d,
            nn.PReLU,
        ):
            stack.enter_context(mock.patch.object(module, "reset_parameters", return_value=None))
        model = _net(layers).to(getattr(torch, dtype))
    with torch.no_grad():
        for w, values in zip(model.parameters(), weights or [None] * 99, strict=False):
            w.fill_(START) if values is None else w.copy_(values)
    return model


def _net(layers: Sequence[Layer]) -> nn.Sequential:
    modules: list[nn.Module] = []
    for kind, *sizes in layers:
        if kind == "net":
            modules.append(_net(sizes))
        elif kind == "linear":
            modules.append(nn.Linear(sizes[0], sizes[1], bias=len(sizes) == 2))
        elif kind == "conv":
            modules.append(nn.Conv2d(sizes[0], sizes[1], tuple(sizes[2:])))
        else:
            modules.append(SIMPLE[kind](*sizes))
    return nn.Sequential(*modules)


@torch.enable_grad()
def statistics(
    student: Student,
    layers: Sequence[Layer],
    weights: Sequence[Tensor],
    X: Tensor,
    *,
    train: bool = False,
    fails: bool = False,
    autograd: bool = True,
    frozen: bool = False,
) -> dict[str, Any]:
    """Return the student's statistics, once more, and what became of the model, which may raise.

    ``autograd`` says whether it is switched on at the call, ``frozen`` whether every second layer is frozen.
    """
    model = build(layers, weights).train(train)
    model[0].eval()  # not every module in one mode
    runs: list[int] = []
    handle = model[-1].register_forward_hook(lambda module, inputs, output: runs.append(1))
    for k, w in enumerate(model.parameters()):
        w.grad = torch.full_like(w, START)
        w.requires_grad_(not frozen or k % 4 > 1)
    before, modes = _hooks(model), [module.training for module in model.modules()]
    places = [getattr(module, "inplace", None) for module in model.modules()]
    learn = [w.requires_grad for w in model.parameters()]
    given, results, swallowed = X.clone(), [], False
    with torch.set_grad_enabled(autograd):
        for _ in range(1 if fails else 2):
            try:
                result = student["activation_statistics"](model, given)
                results.append(list(result) if isinstance(result, list) else result)  # maybe the same list next time
                swallowed = fails
            except (ArithmeticError, KeyboardInterrupt):
                if not fails:
                    raise
        switched = torch.is_grad_enabled()
    after = _hooks(model)
    handle.remove()
    return {
        "results": results,
        "swallowed": swallowed,
        "left": sum(len(set(now) - set(then)) for now, then in zip(after, before, strict=True)),
        "gone": sum(len(set(then) - set(now)) for now, then in zip(after, before, strict=True)),
        "stuck": len(_hooks(model)[-1]) == len(after[-1]),
        "modes": [module.training for module in model.modules()] == modes,
        "places": [getattr(module, "inplace", None) for module in model.modules()] == places,
        "requires_grad": [w.requires_grad for w in model.parameters()] == learn,
        "autograd": switched,
        "runs": len(runs),
        "weights": [w.detach().clone() for w in model.parameters()],
        "gradients": all(w.grad is not None and bool((w.grad == START).all()) for w in model.parameters()),
        "X": given,
    }


def _hooks(model: nn.Module) -> list[list[int]]:
    return [[*module._forward_hooks, *module._forward_pre_hooks] for module in model.modules()]


@torch.enable_grad()
def initialize(
    student: Student,
    layers: Sequence[Layer],
    scheme: str,
    lent: Mapping[str, str],
    *,
    seed: int | None = 0,
    other: int | None = None,
    shape: str = "sequential",
    dtype: str = "float32",
) -> dict[str, Any]:
    """Initialize a model ("sequential", a "pair" of parts, or a "single" layer) and return what became of it."""
    model: nn.Module = build(layers, dtype=dtype)
    model = {"sequential": lambda: model, "pair": lambda: Pair(*model), "single": lambda: model[0]}[shape]()
    for b in model.buffers():
        b.fill_(START)
    for module in model.modules():
        module.training = not list(module.children())  # not every module in one mode
    for w in model.parameters():
        w.grad = torch.full_like(w, START)
    modes = [module.training for module in model.modules()]
    held, buffers = dict(model.named_parameters()), {name: b.clone() for name, b in model.named_buffers()}
    generator = torch.Generator().manual_seed(seed or 0)
    settings, start = {} if seed is None else {"generator": generator}, generator.get_state()
    if other is not None:
        torch.manual_seed(other)
    before = _global_state()
    with lend(student, lent):
        result = student["initialize"](model, scheme, **settings)
    now = dict(model.named_parameters())
    drawn = {n: type(m).__name__ for n, m in model.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)}
    return {
        "returned": type(result).__name__,
        "same": result is model,
        "gone": len(held.keys() - now.keys()),
        "objects": all(now.get(name) is w for name, w in held.items()),
        "requires_grad": all(w.requires_grad and w.is_leaf for w in model.parameters()),
        "gradients": all(w.grad is not None and bool((w.grad == START).all()) for w in held.values()),
        "modes": [module.training for module in model.modules()] == modes,
        "global": _global_state() != before,
        "moved": not torch.equal(generator.get_state(), start),
        "weights": [(kind, model.get_submodule(name).weight) for name, kind in drawn.items()],
        "biases": [m.bias for name in drawn if (m := model.get_submodule(name)).bias is not None],
        "others": all(bool((w == START).all()) for n, w in held.items() if n.rpartition(".")[0] not in drawn)
        and all(torch.equal(b, buffers[name]) for name, b in model.named_buffers()),
    }


@torch.enable_grad()
def gap(
    student: Student,
    layers: Sequence[Layer],
    weights: Sequence[Tensor],
    X: Tensor,
    y: Tensor,
    lr: float,
    steps: int,
    *,
    dtype: str = "float64",
    gradients: bool = True,
    train: bool = True,
) -> dict[str, Any]:
    """Return the student's gap, once more, and what became of the model and its data."""
    model = build(layers, weights, dtype).train(train)
    model[0].train(not train)  # not every module in one mode
    for w in model.parameters():
        w.grad = torch.full_like(w, START) if gradients else None
    before, modes = _tensors(model), [m.training for m in model.modules()]
    data = X.to(getattr(torch, dtype)), y.clone()
    results = [student["symmetry_gap"](model, *data, lr=lr, steps=steps) for _ in range(2)]
    after, parameters = _tensors(model), dict(model.named_parameters())
    moved = [key for key, value in before.items() if not torch.equal(after[key], value)]
    return {
        "results": results,
        "moved": [key for key in moved if key in parameters],
        "buffers": [key for key in moved if key not in parameters],
        "gradients": all(
            (w.grad is not None and bool((w.grad == START).all())) if gradients else w.grad is None
            for w in model.parameters()
        ),
        "modes": [m.training for m in model.modules()] == modes,
        "requires_grad": all(w.requires_grad for w in model.parameters()),
        "data": data,
    }


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return copies of all parameters and buffers, those that are not in the state_dict too."""
    return {name: t.detach().clone() for name, t in [*model.named_parameters(), *model.named_buffers()]}
