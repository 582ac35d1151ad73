"""What the test cells of the labs call: compare a learner's result with what is right, and say in words what is wrong.

Every check raises ``WrongAnswer``, an ``AssertionError``, with one message: which result, which property failed, with
shapes, and, where a known mistake explains the result, its name. A notebook shows this line and no traceback: the fault
is not in the test cell. No check prints an input; the right answer it prints only where a visible test asks for it.
"""

import sys
import sysconfig
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = [
    "AnswerRaised",
    "NotDone",
    "WrongAnswer",
    "check",
    "check_close",
    "check_tensor",
    "check_unchanged",
    "visible_test",
]

_HINTS = {
    "a leaf Variable that requires grad is being used in an in-place operation": "change parameters inside "
    "`with torch.no_grad():`",
    "'NoneType' object has no attribute": "something is None; a gradient is None until the first "
    "backward pass, the bias of a layer with bias=False always",
}


class NotDone(NotImplementedError):
    """Raised by a stub that the learner has not filled in; a notebook shows it as one friendly line, no traceback.

    Without a task the line names the function, or method, whose stub it is.

    Examples
    --------
    >>> str(NotDone("SGD")).partition(". ")[0]
    'Not done yet: SGD'
    """

    def __init__(self, task: str | None = None) -> None:
        if task is None:
            stub = sys._getframe(1).f_code.co_qualname
            task = "this question" if stub == "<module>" else stub
        super().__init__(
            f"Not done yet: {task}. Replace the line `raise NotDone(...)` with your solution and run the cell again."
        )

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class WrongAnswer(AssertionError):
    """What a check raises; a notebook shows it as one line, no traceback.

    Examples
    --------
    >>> raise WrongAnswer("add: the sum is wrong")
    Traceback (most recent call last):
    nnutils.checks.WrongAnswer: add: the sum is wrong
    """

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class AnswerRaised(RuntimeError):
    """The learner's code raised an exception in a visible test; a notebook shows it with the learner's own lines only.

    Parameters
    ----------
    error : Exception
        What the code raised.
    test_file : str
        The file, or cell, of the test: its own lines are left out.

    Examples
    --------
    >>> raise AnswerRaised(KeyError("lr"), "<the test's cell>")
    Traceback (most recent call last):
    nnutils.checks.AnswerRaised: your code raised KeyError: 'lr'
    """

    def __init__(self, error: Exception, test_file: str) -> None:
        text = str(error).strip()
        hint = next((f"; {hint}" for known, hint in _HINTS.items() if known in text), "")
        super().__init__(f"your code raised {type(error).__name__}: {text or 'without a message'}{hint}")
        away = (test_file, sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), __file__)
        frames = traceback.extract_tb(error.__traceback__)
        self.lines = [f"    line {f.lineno} of {f.name}: {f.line}" for f in frames if not f.filename.startswith(away)]

    def _render_traceback_(self) -> list[str]:
        message = str(self)
        return [message[0].upper() + message[1:], *self.lines[-5:]]


def visible_test(test: Callable[[], None]) -> Callable[[], None]:
    """Run a visible test at once and print that it passed; a decorator.

    What the checks raise is passed on; any other exception comes from the learner's code and is raised as
    ``AnswerRaised``.

    Examples
    --------
    >>> @visible_test
    ... def addition():
    ...     check(1 + 1 == 2, "add: 1 + 1 is not 2")
    addition: all visible checks passed
    """
    try:
        test()
    except (NotDone, WrongAnswer):
        raise
    except Exception as error:
        raise AnswerRaised(error, test.__code__.co_filename) from None
    print(f"{test.__name__}: all visible checks passed")
    return test


def check(condition: bool, message: str) -> None:
    """Raise ``WrongAnswer`` with the message unless the condition holds.

    Examples
    --------
    >>> check(1 + 1 == 3, "add: 1 + 1 is not 2")
    Traceback (most recent call last):
    nnutils.checks.WrongAnswer: add: 1 + 1 is not 2
    """
    if not condition:
        raise WrongAnswer(message)


def check_tensor(
    value: Any,
    *,
    name: str,
    shape: Sequence[int] | None = None,
    dtype: torch.dtype | None = None,
    finite: bool = True,
) -> Tensor:
    """Return ``value`` as a plain, detached CPU tensor after checking type, dtype, shape and finiteness, in this order.

    Raises
    ------
    WrongAnswer
        With a message such as ``softmax: expected shape (4, 3), got (3, 4)``.

    Examples
    --------
    >>> check_tensor(torch.zeros(3, 4), name="softmax", shape=(4, 3))
    Traceback (most recent call last):
    nnutils.checks.WrongAnswer: softmax: expected shape (4, 3), got (3, 4)
    """
    if not isinstance(value, Tensor):
        hint = "; did the function forget its return?" if value is None else ""
        raise WrongAnswer(f"{name}: expected a torch.Tensor, got {type(value).__name__}{hint}")
    plain = value.detach().cpu().as_subclass(Tensor)
    if dtype is not None and plain.dtype != dtype:
        raise WrongAnswer(f"{name}: expected dtype {dtype}, got {plain.dtype}")
    if shape is not None and tuple(plain.shape) != tuple(shape):
        raise WrongAnswer(f"{name}: expected shape {tuple(shape)}, got {tuple(plain.shape)}")
    if finite and not bool(torch.isfinite(plain).all()):
        bad = int((~torch.isfinite(plain)).sum())
        raise WrongAnswer(f"{name}: {bad} of {plain.numel()} entries are inf or nan, expected finite numbers")
    return plain


def check_close(
    actual: Any,
    expected: Tensor,
    *,
    name: str,
    rtol: float = 1e-5,
    atol: float = 1e-7,
    mistakes: Mapping[str, Tensor] | None = None,
    same_dtype: bool = True,
    show: bool = False,
) -> None:
    """Check that a result equals the expected tensor; where it equals a known wrong one, say which mistake that is.

    Parameters
    ----------
    actual : Tensor
        The learner's result. Type, dtype (unless ``same_dtype=False``), shape and finiteness are checked first.
    expected : Tensor
        What is right, same shape.
    mistakes : mapping from sentence to Tensor, optional
        What a known mistake would have given; the sentence of the first one that fits ends the message.
    show : bool
        Print the worst entry as it is and as it should be; for visible tests only.

    Examples
    --------
    >>> forgotten = {"the factor 1/2 is missing": torch.tensor([2.0])}
    >>> check_close(torch.tensor([2.0]), torch.tensor([1.0]), name="f", mistakes=forgotten)
    Traceback (most recent call last):
    nnutils.checks.WrongAnswer: f: wrong value (largest difference 1); the factor 1/2 is missing
    """
    plain = check_tensor(actual, name=name, shape=expected.shape, dtype=expected.dtype if same_dtype else None)
    if _close(plain, expected, rtol, atol):
        return
    message = f"{name}: wrong value (largest difference {_gap(plain, expected):.3g}"
    message += f"{_worst(plain, expected)})" if show else ")"
    for sentence, wrong in (mistakes or {}).items():
        if wrong.shape == plain.shape and _close(plain, wrong, rtol, atol):
            raise WrongAnswer(f"{message}; {sentence}")
    raise WrongAnswer(message)


def check_unchanged(after: Any, before: Tensor, *, name: str) -> None:
    """Check that an input came back as it went in (same shape, dtype and values; nan where nan was).

    Examples
    --------
    >>> X = torch.zeros(2)
    >>> check_unchanged(X + 1, X, name="relu")
    Traceback (most recent call last):
    nnutils.checks.WrongAnswer: relu: the input was changed in place, expected it to come back unchanged; work on a copy
    """
    plain = check_tensor(after, name=name, shape=before.shape, dtype=before.dtype, finite=False)
    expected = before.detach().cpu()
    if not bool(((plain == expected) | (plain.isnan() & expected.isnan())).all()):
        raise WrongAnswer(f"{name}: the input was changed in place, expected it to come back unchanged; work on a copy")


def _close(actual: Tensor, expected: Tensor, rtol: float, atol: float) -> bool:
    try:
        torch.testing.assert_close(actual, expected.detach().cpu(), rtol=rtol, atol=atol, check_dtype=False)
    except AssertionError:
        return False
    return True


def _gap(actual: Tensor, expected: Tensor) -> float:
    return float((actual.double() - expected.detach().cpu().double()).abs().max()) if actual.numel() else 0.0


def _worst(actual: Tensor, expected: Tensor) -> str:
    right = expected.detach().cpu()
    worst = int((actual.double() - right.double()).abs().argmax())
    index = ", ".join(str(int(i)) for i in torch.unravel_index(torch.tensor(worst), actual.shape))
    where = f" at [{index}]" if index else ""
    return f"{where}: got {actual.flatten()[worst]:.6g}, expected {right.flatten()[worst]:.6g}"
