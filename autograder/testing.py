"""What the hidden tests of all labs share: drawing inputs, comparing results, and the usual properties of a function.

A hidden test first checks type, dtype, shape and finiteness, then values. Where a result is wrong it computes what
known mistakes would have given, and names the one that fits; it never prints an input or the answer.
"""

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autograder.student import Student
from nnutils.checks import check, check_close, check_tensor, check_unchanged

__all__ = [
    "AUTOGRAD",
    "FROM_SCRATCH",
    "TOLERANCE",
    "close",
    "draw",
    "flat",
    "number",
    "register",
    "same",
    "unchanged",
]

FROM_SCRATCH = tuple(
    f"nnutils.{room}"
    for room in (
        *("activations", "autograd", "blocks", "checkpoints", "diagnostics", "flat", "init", "losses"),
        *("normalization", "optim", "regularization", "schedules", "stacked", "steps"),
    )
)
"""The rooms of nnutils that would answer questions; every lab refuses them."""

AUTOGRAD = (
    *("torch.Tensor.backward", "torch.autograd.backward", "torch.autograd.grad", "torch.autograd.functional"),
    *("torch.autograd.forward_ad", "torch.func.grad*", "torch.func.vjp", "torch.func.jvp", "torch.func.jac*"),
    *("torch.func.hessian", "torch.func.linearize", "torch.ops", ".grad_fn", "._execution_engine"),
)
"""Whatever computes gradients in PyTorch, as ``rules.refuses`` reads it; a lab about backpropagation refuses it."""

TOLERANCE = {torch.float64: (1e-7, 1e-11), torch.float32: (2e-4, 2e-6)}
"""rtol and atol of a result that is right to rounding."""

Mistakes = Mapping[str, Tensor] | Callable[[], Mapping[str, Tensor]]


def draw(rng: np.random.Generator, shape: Sequence[int], dtype: torch.dtype = torch.float64) -> Tensor:
    """Return a tensor of normal random numbers."""
    return torch.from_numpy(np.asarray(rng.normal(size=shape))).to(dtype)


def flat(tensors: Iterable[Tensor]) -> Tensor:
    """Return all entries of some tensors as one vector.

    >>> flat([torch.ones(2, 1), torch.zeros(())])
    tensor([1., 1., 0.])
    """
    return torch.cat([values.flatten() for values in tensors])


def close(actual: Tensor, expected: Tensor, rtol: float, atol: float) -> bool:
    """Say whether two finite tensors of one shape are equal to a tolerance."""
    return bool(((actual - expected).abs() <= atol + rtol * expected.abs()).all())


def number(value: Any, *, name: str) -> float:
    """Return a real number as a float; a tensor is refused by name.

    Raises
    ------
    AssertionError
        With a message such as ``cyclical: expected a float, got a torch.Tensor; use `math`, or .item() at the end``.
    """
    if isinstance(value, Tensor):
        raise AssertionError(f"{name}: expected a float, got a torch.Tensor; use `math`, or .item() at the end")
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if not isinstance(value, Real) or isinstance(value, bool):
        hint = "; did the function forget its return?" if value is None else ""
        raise AssertionError(f"{name}: expected a float, got {type(value).__name__}{hint}")
    return float(value)


def same(
    actual: Any,
    expected: Tensor,
    *,
    name: str,
    mistakes: Mistakes | None = None,
    shapes: Mapping[tuple[int, ...], str] | None = None,
    if_not_finite: str = "",
    tolerance: tuple[float, float] | None = None,
) -> Tensor:
    """Check a result against the right tensor, and return it plain.

    Parameters
    ----------
    mistakes : mapping from sentence to tensor, or a function that makes one
        What known mistakes would have given; a function is called only for a wrong result.
    shapes : mapping from shape to sentence
        What a wrong shape tells.
    if_not_finite : str
        What inf or nan tell; empty, or begins with a semicolon.
    tolerance : (rtol, atol), optional
        ``TOLERANCE`` of the expected dtype by default.
    """
    told = (shapes or {}).get(tuple(actual.shape)) if isinstance(actual, Tensor) else None
    if told and tuple(expected.shape) != tuple(actual.shape):
        check(False, f"{name}: expected shape {tuple(expected.shape)}, got {tuple(actual.shape)}; {told}")
    plain = check_tensor(actual, name=name, shape=expected.shape, dtype=expected.dtype, finite=False)
    bad = int((~torch.isfinite(plain)).sum()) if bool(torch.isfinite(expected).all()) else 0
    check(bad == 0, f"{name}: {bad} of {plain.numel()} entries are inf or nan{if_not_finite}")
    rtol, atol = tolerance or TOLERANCE[expected.dtype]
    if not close(plain, expected, rtol, atol):
        known = mistakes() if callable(mistakes) else dict(mistakes or {})
        if expected.dtype == torch.float64 and close(plain, expected, 1e-4, 1e-5):
            digits = "right to a few digits only; perhaps a step on the way rounds to float32, or adds a small number"
            known = {**known, digits: plain}
        check_close(plain, expected, name=name, rtol=rtol, atol=atol, mistakes=known)
    return plain


def unchanged(student: Student, before: Mapping[str, Tensor], *, function: str) -> None:
    """Check that the arguments of the last call came back as they went in; ``before`` names them in order."""
    for (name, value), after in zip(before.items(), student.arguments, strict=False):
        check_unchanged(after, value, name=f"{function}: {name}")


def register(
    module: MutableMapping[str, Any], question: str, checks: Iterable[Callable[..., None]], names: Sequence[str]
) -> None:
    """Make a hidden test ``test_<question>__<check>`` of each check; it runs the check for each name."""
    for each in checks:

        def test(student: Student, rng: np.random.Generator, each: Callable[..., None] = each) -> None:
            for name in names:
                each(student, rng, name)

        test.__name__ = f"test_{question}__{each.__name__}"
        test.__doc__ = each.__doc__
        module[test.__name__] = test
