"""What every room checks before it computes: one sentence for each kind of wrong argument.

The contract that all checks share: ``where`` is the name of the function that was called, arguments are passed by
keyword under the name that the caller knows them by, and a ``ValueError`` says what was given, what was expected and,
where that is not the same, what to do. A check changes nothing and returns nothing, but for ``one_of``.
"""

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = [
    "below_one",
    "class_indices",
    "floating",
    "nonnegative",
    "one_of",
    "positive",
    "probability",
    "same_device",
    "same_shape",
    "samples_for",
    "shape",
    "targets_of",
    "whole",
]


def one_of(where: str, name: object, known: Iterable[str]) -> str:
    """Return ``name`` if it is known; otherwise say which names are, and which one was probably meant.

    Raises
    ------
    ValueError

    Examples
    --------
    >>> one_of("optimizer", "Adan", ["sgd", "adam"])
    Traceback (most recent call last):
    ValueError: optimizer: got 'Adan', expected one of sgd, adam; did you mean 'adam'?
    """
    names = list(known)
    if isinstance(name, str) and name in names:
        return name
    near = difflib.get_close_matches(str(name).lower().replace("-", "_"), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"{where}: got {name!r}, expected one of {', '.join(names)}{hint}")


def nonnegative(where: str, **values: float) -> None:
    """Refuse what is not a finite number, 0 or more.

    Examples
    --------
    >>> nonnegative("optimizer", lr=-0.1)
    Traceback (most recent call last):
    ValueError: optimizer: got lr=-0.1, expected a finite number, 0 or more
    """
    for name, value in values.items():
        if not 0 <= _number(value) < math.inf:
            raise ValueError(f"{where}: got {name}={value!r}, expected a finite number, 0 or more")


def positive(where: str, **values: float) -> None:
    """Refuse what is not a finite number above 0.

    Examples
    --------
    >>> positive("mixup", alpha=0)
    Traceback (most recent call last):
    ValueError: mixup: got alpha=0, expected a finite number above 0
    """
    for name, value in values.items():
        if not 0 < _number(value) < math.inf:
            raise ValueError(f"{where}: got {name}={value!r}, expected a finite number above 0")


def probability(where: str, **values: float) -> None:
    """Refuse what is not between 0 and 1, both included.

    Examples
    --------
    >>> probability("dropout", p=1.5)
    Traceback (most recent call last):
    ValueError: dropout: got p=1.5, expected 0 <= p <= 1
    """
    for name, value in values.items():
        if not 0 <= _number(value) <= 1:
            raise ValueError(f"{where}: got {name}={value!r}, expected 0 <= {name} <= 1")


def below_one(where: str, **values: float) -> None:
    """Refuse what is not between 0, included, and 1, excluded: momentum and the like.

    Examples
    --------
    >>> below_one("optimizer", momentum=1.0)
    Traceback (most recent call last):
    ValueError: optimizer: got momentum=1.0, expected 0 <= momentum < 1
    """
    for name, value in values.items():
        if not 0 <= _number(value) < 1:
            raise ValueError(f"{where}: got {name}={value!r}, expected 0 <= {name} < 1")


def whole(where: str, at_least: int, **values: int) -> None:
    """Refuse what is not a whole number of at least so much.

    Examples
    --------
    >>> whole("fit", 1, epochs=0)
    Traceback (most recent call last):
    ValueError: fit: got epochs=0, expected a whole number, 1 or more
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < at_least:
            raise ValueError(f"{where}: got {name}={value!r}, expected a whole number, {at_least} or more")


def shape(where: str, axes: str, **tensors: Tensor) -> None:
    """Refuse a tensor whose number of axes is not that of ``axes``, such as ``"(N, C)"``; ``...`` stands for any.

    Examples
    --------
    >>> shape("cross_entropy", "(N, C)", logits=torch.zeros(3))
    Traceback (most recent call last):
    ValueError: cross_entropy: expected logits of shape (N, C), got (3,)
    """
    names = [name for name in axes.strip("()").split(",") if name.strip()]
    least = sum(name.strip() != "..." for name in names)
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise ValueError(f"{where}: expected {name} to be a torch.Tensor, got {type(tensor).__name__}")
        if tensor.ndim < least or (least == len(names) and tensor.ndim > least):
            raise ValueError(f"{where}: expected {name} of shape {axes}, got {tuple(tensor.shape)}")


def floating(where: str, **tensors: Tensor) -> None:
    """Refuse what is not a tensor of a real floating-point dtype.

    Examples
    --------
    >>> floating("relu", z=torch.tensor([1, 2]))
    Traceback (most recent call last):
    ValueError: relu: got z of dtype torch.int64, expected a floating-point dtype; use .float()
    """
    shape(where, "(...)", **tensors)
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise ValueError(
                f"{where}: got {name} of dtype {tensor.dtype}, expected a floating-point dtype; use .float()"
            )


def same_shape(where: str, **tensors: Tensor) -> None:
    """Refuse tensors whose shapes differ, also where they would broadcast.

    Examples
    --------
    >>> same_shape("mse", predictions=torch.zeros(3, 1), targets=torch.zeros(3))
    Traceback (most recent call last):
    ValueError: mse: got predictions of shape (3, 1) and targets of shape (3,), expected one shape
    """
    if len({tensor.shape for tensor in tensors.values()}) > 1:
        shown = " and ".join(f"{name} of shape {tuple(tensor.shape)}" for name, tensor in tensors.items())
        raise ValueError(f"{where}: got {shown}, expected one shape")


def same_device(where: str, **tensors: Any) -> None:
    """Refuse tensors (or whatever has a ``device``) that lie on different devices.

    Examples
    --------
    >>> same_device("fit", X=torch.zeros(1), y=torch.zeros(1, device="meta"))
    Traceback (most recent call last):
    ValueError: fit: got X on cpu, y on meta, expected one device; move them with .to(device)
    """
    if len({torch.device(tensor.device) for tensor in tensors.values()}) > 1:
        shown = ", ".join(f"{name} on {tensor.device}" for name, tensor in tensors.items())
        raise ValueError(f"{where}: got {shown}, expected one device; move them with .to(device)")


def class_indices(where: str, targets: Tensor, *, classes: int, name: str = "targets") -> None:
    """Refuse targets that are not int64 class indices from 0 to ``classes - 1``; the message calls them ``name``.

    Reads two numbers from the device: call it once for a data set, not once for a batch.

    Examples
    --------
    >>> class_indices("cross_entropy", torch.tensor([0, 3]), classes=3)
    Traceback (most recent call last):
    ValueError: cross_entropy: got targets from 0 to 3, expected class indices from 0 to 2
    >>> class_indices("cross_entropy", torch.tensor([0.0, 1.0]), classes=3)
    Traceback (most recent call last):
    ValueError: cross_entropy: got targets of dtype torch.float32, expected class indices (torch.int64); use .long()
    """
    shape(where, "(...)", **{name: targets})
    if targets.dtype != torch.int64:
        raise ValueError(
            f"{where}: got {name} of dtype {targets.dtype}, expected class indices (torch.int64); use .long()"
        )
    lowest, highest = (int(end) for end in targets.aminmax()) if targets.numel() else (0, 0)
    if lowest < 0 or highest >= classes:
        raise ValueError(
            f"{where}: got {name} from {lowest} to {highest}, expected class indices from 0 to {classes - 1}"
        )


def samples_for(where: str, model: nn.Module, X: Tensor, y: Tensor) -> None:
    """Refuse samples that are not as many as the targets, on the model's device, as wide as its first layer.

    Examples
    --------
    >>> samples_for("fit", nn.Linear(4, 2), torch.zeros(3, 4), torch.zeros(2))
    Traceback (most recent call last):
    ValueError: fit: got 3 rows and 2 targets, expected as many of both, at least one
    """
    shape(where, "(N, ...)", X=X, y=y)
    if len(X) == 0 or len(X) != len(y):
        raise ValueError(f"{where}: got {len(X)} rows and {len(y)} targets, expected as many of both, at least one")
    devices = {str(p.device) for p in model.parameters()} or {str(X.device)}
    if devices | {str(y.device)} != {str(X.device)}:
        raise ValueError(
            f"{where}: got the model on {', '.join(sorted(devices))}, X on {X.device}, y on {y.device}, "
            "expected one device; move them with .to(device)"
        )
    first = model[0] if isinstance(model, nn.Sequential) and len(model) else model
    if isinstance(first, nn.Linear) and first.in_features:  # a lazy layer has none yet
        if X.shape[-1] != first.in_features:
            raise ValueError(
                f"{where}: got X of shape {tuple(X.shape)} for a first layer of {first.in_features} inputs, "
                f"expected (N, {first.in_features}); flatten images with X.flatten(1)"
            )
        if X.dtype != first.weight.dtype:
            raise ValueError(
                f"{where}: got X of dtype {X.dtype} for weights of dtype {first.weight.dtype}, expected the same; "
                f"use X.to({first.weight.dtype})"
            )


def targets_of(where: str, logits: Tensor, y: Tensor, loss_fn: object) -> None:
    """Refuse what cross-entropy cannot compare with the logits of a batch; another loss knows itself what it takes.

    Examples
    --------
    >>> targets_of("fit", torch.zeros(3, 2), torch.tensor([0, 1, 2]), F.cross_entropy)
    Traceback (most recent call last):
    ValueError: fit: got targets from 0 to 2, expected class indices from 0 to 1
    """
    if loss_fn is not F.cross_entropy and type(loss_fn) is not nn.CrossEntropyLoss:
        return
    shape(where, "(N, C, ...)", logits=logits)
    if y.shape[1:] not in (logits.shape[1:], logits.shape[2:]):
        raise ValueError(
            f"{where}: got targets of shape {tuple(y.shape)} for logits of shape {tuple(logits.shape)}, "
            "expected (N,) for (N, C)"
        )
    if y.ndim == 1:
        class_indices(where, y, classes=logits.shape[1])


def _number(value: object) -> float:
    """Return a number as a float, and nan for what is none (a string, a list, None): nan lies in no range."""
    if isinstance(value, numbers.Real) or (isinstance(value, Tensor) and value.ndim == 0):
        return float(value)
    return math.nan
