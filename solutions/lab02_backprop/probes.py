"""What runs beside the student's code for lab 02: builds functions, graphs and generators, and returns plain data.

The first argument ``student`` maps the student's names to their objects. No probe judges or knows an expected value.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

Student = Mapping[str, Any]
Step = tuple[str, str, Sequence[str | float]]  # (name of the result, operation, names of values or numbers)
Parameters = list[tuple[Tensor, Tensor]]

FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "cubic": lambda x, c: (c * x**3).sum(),
    "waves": lambda x, c: (c * torch.sin(2 * x)).sum() + x.prod(),
    "form": lambda x, c: x.flatten() @ c @ x.flatten() / 2 + torch.exp(x / 4).sum(),
    "square": lambda x, c: c * x**2 + 3 * x,
    "entry": lambda x, c: x.reshape(-1)[0],
}
"""Scalar functions of x and a constant c; x may have any shape that c fits."""


def numerical_gradient(
    student: Student,
    name: str,
    x: Tensor,
    c: Tensor,
    *,
    transposed: bool = False,
    as_float: bool = False,
    **hyper: float,
) -> dict[str, Any]:
    """Return the gradient of a function of ``FUNCTIONS``, once more, what the function was given, and x afterwards."""
    given = _like(x, transposed)
    seen: set[tuple[Any, ...]] = set()

    def f(at: Any) -> Any:
        if not isinstance(at, Tensor):
            seen.add((type(at).__name__,))
            at = torch.as_tensor(at)
        seen.add((str(at.dtype), *at.shape))
        at = at.detach().reshape(x.shape)
        value = FUNCTIONS[name](at if name == "entry" else at.clone(), c)
        return float(value) if as_float else value

    first = student["numerical_gradient"](f, given, **hyper)
    again = student["numerical_gradient"](f, given, **hyper)
    return {"first": first, "again": again, "seen": sorted(map(list, seen), key=str), "x": given}


def use(student: Student, name: str, *arguments: Tensor, transposed: bool = False) -> dict[str, Any]:
    """Return the result of a function, of a second call with the same arguments, and these afterwards.

    With ``transposed`` no argument with two axes or more is contiguous.
    """
    given = [_like(value, transposed) for value in arguments]
    first = student[name](*given)
    return {"first": first, "again": student[name](*given), "arguments": given}


def mlp_backward(
    student: Student, X: Tensor, targets: Tensor, params: Parameters, lent: Mapping[str, str], container: str = "list"
) -> dict[str, Any]:
    """Return the gradients of a net, once more, and what became of the arguments."""
    pairs = tuple((W.clone(), b.clone()) for W, b in params)
    results, changed = [], False
    with lend(student, lent):
        for _ in range(2):
            given = pairs if container == "tuple" else list(pairs)
            results.append(student["mlp_backward"](X, targets, given))
            changed |= [id(pair) for pair in given] != [id(pair) for pair in pairs]
    first, again = results
    return {"first": first, "again": again, "X": X, "targets": targets, "params": pairs, "changed": changed}


def train(
    student: Student,
    X: Tensor,
    y: Tensor,
    runs: Sequence[Mapping[str, Any]],
    lent: Mapping[str, str],
) -> dict[str, Any]:
    """Train once for each run and return all parameters, and the data afterwards.

    A run holds the arguments of train_by_hand, ``seed`` for the generator's (None: go on with the last generator), and
    ``other`` for the global seed.
    """
    results = []
    with lend(student, lent):
        for run in runs:
            arguments = {key: value for key, value in run.items() if key not in ("seed", "other")}
            if "other" in run:
                torch.manual_seed(run["other"])
            if run["seed"] is not None:
                generator = torch.Generator().manual_seed(run["seed"])
            results.append(student["train_by_hand"](X, y, generator=generator, **arguments))
    return {"results": results, "X": X, "y": y}


@contextmanager
def lend(student: Student, sources: Mapping[str, str]) -> Iterator[None]:
    """Put functions of other questions in place of the student's own for the time of the block.

    ``sources`` maps their names to their source. They come with the request of a question that may call them, and a
    reference to one that is kept raises when the block has ended: no question can keep another's answer.
    """
    names = student._namespace  # type: ignore[attr-defined]
    lent: dict[str, Any] = {"torch": torch, "Tensor": Tensor, "Parameters": Parameters}
    for source in sources.values():
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


OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
    "neg": operator.neg,
    "exp": lambda value: value.exp(),
    "tanh": lambda value: value.tanh(),
    "relu": lambda value: value.relu(),
}


def graph(student: Student, start: Mapping[str, float], graphs: Sequence[Sequence[Step]]) -> dict[str, Any]:
    """Build graphs on the same leaves and go backward through each, one after the other.

    Returns the type and ``data`` of the last value of each graph, ``grad`` of all leaves before, ``grad`` of all values
    after each backward (leaves and the graph's own), and ``data`` of the leaves at the end.
    """
    leaves = {name: student["Value"](number) for name, number in start.items()}
    made: dict[int, Any] = {}
    told: dict[str, Any] = {"before": {name: leaf.grad for name, leaf in leaves.items()}, "graphs": []}
    for steps in graphs:
        values = dict(leaves)
        for name, operation, inputs in steps:
            operands = [values[x] if isinstance(x, str) else x for x in inputs]
            values[name] = OPERATIONS[operation](*operands)
            made[id(values[name])] = values[name]
        root = values[steps[-1][0]] if steps else next(iter(leaves.values()))
        is_value = isinstance(root, student["Value"])
        data = {name: value.data for name, value in values.items()} if is_value else {}
        others = [
            (value, getattr(value, "grad", None))
            for value in made.values()
            if all(value is not v for v in values.values())
        ]
        returned = root.backward() if is_value else None
        told["graphs"].append(
            {
                "is_value": is_value,
                "type": type(root).__name__,
                "data": data,
                "grad": {name: value.grad for name, value in values.items()} if is_value else {},
                "returned": type(returned).__name__,
                "touched": any(getattr(value, "grad", None) != before for value, before in others),
            }
        )
    told["leaves"] = {name: leaf.data for name, leaf in leaves.items()}
    return told


def _like(values: Tensor, transposed: bool) -> Tensor:
    """Return a copy; the transpose of a contiguous copy, which is itself not contiguous, where asked."""
    if transposed and values.ndim >= 2:
        return values.transpose(0, 1).contiguous().transpose(0, 1)
    return values.clone()
