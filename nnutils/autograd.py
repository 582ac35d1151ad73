"""Reverse-mode automatic differentiation of scalars, on a list of steps.

A computation is plain data: a list of ``Step``, each of which applies one operation to inputs, earlier steps or
constants (a Wengert list). ``forward`` walks the list once and keeps every value; ``backward`` walks it once the other
way and applies the chain rule: each step hands to each of its inputs the gradient that it received times its local
derivative, and an input that is used several times adds up what it receives. All numbers are Python floats.

Source: S. Linnainmaa (1976), Taylor expansion of the accumulated rounding error; A. Griewank and A. Walther (2008),
Evaluating Derivatives, section 3.2.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from nnutils.arguments import one_of

__all__ = ["OPERATIONS", "Contribution", "Operation", "Step", "backward", "contributions", "forward"]

_Result = TypeVar("_Result")


class Operation(NamedTuple):
    """What one step can do: the number of its arguments, its value, and its derivative with respect to each of them.

    Examples
    --------
    >>> OPERATIONS["mul"].value(2.0, 5.0), OPERATIONS["mul"].derivatives(2.0, 5.0)
    (10.0, (5.0, 2.0))
    """

    arguments: int
    value: Callable[..., float]
    derivatives: Callable[..., tuple[float, ...]]


def _sigmoid(z: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * z))


OPERATIONS: dict[str, Operation] = {
    "add": Operation(2, lambda a, b: a + b, lambda a, b: (1.0, 1.0)),
    "sub": Operation(2, lambda a, b: a - b, lambda a, b: (1.0, -1.0)),
    "mul": Operation(2, lambda a, b: a * b, lambda a, b: (b, a)),
    "div": Operation(2, lambda a, b: a / b, lambda a, b: (1.0 / b, -a / b**2)),
    # the exponent is a constant: no gradient reaches it
    "pow": Operation(2, math.pow, lambda a, n: (n * math.pow(a, n - 1) if n else 0.0, 0.0)),
    "neg": Operation(1, lambda a: -a, lambda a: (-1.0,)),
    "exp": Operation(1, math.exp, lambda a: (math.exp(a),)),
    "log": Operation(1, math.log, lambda a: (1.0 / a,)),
    "sin": Operation(1, math.sin, lambda a: (math.cos(a),)),
    "cos": Operation(1, math.cos, lambda a: (-math.sin(a),)),
    "tanh": Operation(1, math.tanh, lambda a: (1.0 - math.tanh(a) ** 2,)),
    "sigmoid": Operation(1, _sigmoid, lambda a: (_sigmoid(a) * _sigmoid(-a),)),
    "relu": Operation(1, lambda a: max(a, 0.0), lambda a: (1.0 if a > 0 else 0.0,)),
}
"""The operations by name. At 0 the derivative of relu is 0, as in PyTorch."""


@dataclass(frozen=True, init=False)
class Step:
    """One step of a computation: ``name = op(*inputs)``.

    Parameters
    ----------
    name : str
        What later steps call the result.
    op : str
        A name in ``OPERATIONS``.
    *inputs : str or float
        Names of inputs or earlier steps, or constants. The exponent of ``pow`` is a constant.

    Raises
    ------
    ValueError
        The operation is unknown, or does not take these inputs.

    Examples
    --------
    >>> Step("b", "pow", "a", 2)
    Step(name='b', op='pow', inputs=('a', 2))
    """

    name: str
    op: str
    inputs: tuple[str | float, ...]

    def __init__(self, name: str, op: str, *inputs: str | float) -> None:
        one_of(f"Step {name!r}: operation", op, OPERATIONS)
        expected = OPERATIONS[op].arguments
        if len(inputs) != expected:
            raise ValueError(f"Step {name!r}: {op} takes {expected} input{'s' * (expected > 1)}, got {len(inputs)}")
        if op == "pow" and isinstance(inputs[1], str):
            raise ValueError(f"Step {name!r}: the exponent of pow is a number, got the name {inputs[1]!r}")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "op", op)
        object.__setattr__(self, "inputs", inputs)


class Contribution(NamedTuple):
    """What one step hands back to one of its inputs: ``product = upstream * local``.

    Examples
    --------
    >>> Contribution("y", "x", upstream=2.0, local=3.0, product=6.0, total=6.0).product
    6.0
    """

    step: str
    input: str
    upstream: float
    """The gradient of the result with respect to the step."""
    local: float
    """The derivative of the step with respect to this input."""
    product: float
    total: float
    """The gradient that the input has received so far, this contribution included."""


def forward(graph: Sequence[Step], inputs: Mapping[str, float]) -> dict[str, float]:
    """Return the value of every input and every step, by name, in the order of computation.

    Raises
    ------
    ValueError
        A name is used before it has a value, or twice; or an operation is not defined at its arguments.

    Examples
    --------
    >>> forward([Step("a", "mul", "x", "x"), Step("y", "add", "a", 1)], {"x": 3.0})
    {'x': 3.0, 'a': 9.0, 'y': 10.0}
    """
    if not graph:
        raise ValueError("forward: got no steps, expected at least one")
    values = {name: float(value) for name, value in inputs.items()}
    for step in graph:
        if step.name in values:
            raise ValueError(f"forward: {step.name!r} is computed twice; give each step a name of its own")
        arguments = _arguments(step, values)
        values[step.name] = _defined(step, arguments, OPERATIONS[step.op].value)
    return values


def contributions(graph: Sequence[Step], values: Mapping[str, float], *, seed: float = 1.0) -> Iterator[Contribution]:
    """Yield what each step hands back to each of its inputs, from the last step to the first.

    Parameters
    ----------
    graph : sequence of Step
        The computation. Its last step is what is differentiated.
    values : mapping
        What ``forward`` returned.
    seed : float
        The gradient at the last step.

    Examples
    --------
    >>> graph = [Step("y", "mul", "x", "x")]
    >>> for one in contributions(graph, forward(graph, {"x": 3.0})):
    ...     print(one.input, one.product, one.total)
    x 3.0 3.0
    x 3.0 6.0
    """
    gradients = dict.fromkeys(values, 0.0)
    gradients[graph[-1].name] = seed
    for step in reversed(graph):
        upstream = gradients[step.name]
        derivatives = _defined(step, _arguments(step, values), OPERATIONS[step.op].derivatives)
        for name, local in zip(step.inputs, derivatives, strict=True):
            if isinstance(name, str):
                gradients[name] += upstream * local
                yield Contribution(step.name, name, upstream, local, upstream * local, gradients[name])


def backward(graph: Sequence[Step], values: Mapping[str, float]) -> dict[str, float]:
    r"""Return the gradient of the last step with respect to every value, by name.

    The chain rule, one step at a time: :math:`\bar v_i = \sum_{j : i \to j} \bar v_j \, \partial v_j / \partial v_i`,
    where the sum has one term for each time that a step j uses the value i.

    Examples
    --------
    >>> graph = [Step("a", "mul", "x", "x"), Step("y", "add", "a", "x")]
    >>> backward(graph, forward(graph, {"x": 3.0}))
    {'x': 7.0, 'a': 1.0, 'y': 1.0}
    """
    gradients = dict.fromkeys(values, 0.0) | {graph[-1].name: 1.0}
    return gradients | {one.input: one.total for one in contributions(graph, values)}


def _arguments(step: Step, values: Mapping[str, float]) -> list[float]:
    for name in step.inputs:
        if isinstance(name, str) and name not in values:
            known = ", ".join(values)
            raise ValueError(f"Step {step.name!r} uses {name!r}, which has no value yet; known here: {known}")
    return [values[name] if isinstance(name, str) else float(name) for name in step.inputs]


def _defined(step: Step, arguments: Sequence[float], function: Callable[..., _Result]) -> _Result:
    try:
        return function(*arguments)
    except (ArithmeticError, ValueError):
        shown = ", ".join(f"{argument:g}" for argument in arguments)
        raise ValueError(f"Step {step.name!r}: {step.op}({shown}) has no finite value or derivative") from None
