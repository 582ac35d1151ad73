"""What a question refuses, while the learner's code runs: the refused functions and classes raise, however reached.

The static half of the rule is ``autograder.rules``.
"""

import importlib
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from autograder.rules import refuses, sentence

__all__ = ["Guard", "RefusedError"]

_INHERITED = object()
"""Stands for what a class has from its bases, such as most methods of ``torch.Tensor``."""


class RefusedError(RuntimeError):
    """The learner's code called something that the question refuses."""


class Guard:
    """Makes the refused functions and classes raise ``RefusedError`` while it is active.

    Python functions get another ``__code__`` for the time, so that a reference taken long before is caught too; a class
    is refused when it is constructed. What is written in C is replaced where its module, or its class, holds it.
    """

    def __init__(self, question: str, refused: Sequence[str]) -> None:
        self._swaps: list[tuple[types.FunctionType, types.CodeType, types.CodeType]] = []
        self._holders: list[tuple[Any, str, Any, Any]] = []
        seen: set[int] = set()
        for pattern in refused:
            for path, thing, holder, attribute in _targets(pattern):
                self._refuse(thing, holder, attribute, sentence(question, path), seen)

    def _refuse(self, thing: Any, holder: Any, attribute: str, message: str, seen: set[int]) -> None:
        if inspect.isclass(thing):
            constructor = thing.__dict__.get("__init__")
            if constructor is None or id(constructor) in seen:
                return
            thing = constructor
        if isinstance(thing, types.FunctionType):
            if id(thing) not in seen:
                code = _refusing_code(message, len(thing.__code__.co_freevars))
                self._swaps.append((thing, thing.__code__, code))
            seen.add(id(thing))
        elif callable(thing) and isinstance(holder, types.ModuleType | type):
            own = vars(holder).get(attribute, _INHERITED)
            self._holders.append((holder, attribute, own, _refusing(message)))

    @contextmanager
    def active(self) -> Iterator[None]:
        """Refuse within this block, and only there."""
        try:
            for function, _, code in self._swaps:
                function.__code__ = code
            for holder, attribute, _, refusing in self._holders:
                setattr(holder, attribute, refusing)
            yield
        finally:
            for function, code, _ in self._swaps:
                function.__code__ = code
            for holder, attribute, own, _ in self._holders:
                if own is not _INHERITED:
                    setattr(holder, attribute, own)
                elif attribute in vars(holder):
                    delattr(holder, attribute)


def _targets(pattern: str) -> Iterator[tuple[str, Any, Any, str]]:
    """Yield (dotted path, thing, holder, attribute) for every callable that a pattern of ``rules.refuses`` refuses.

    Attributes of anything (``.grad_fn``) are found in the source only.
    """
    parent, _, last = pattern.rpartition(".")
    holder = _resolve(parent) if parent else None
    if holder is None:
        return
    for attribute in sorted(dir(holder) if inspect.isclass(holder) else vars(holder)):
        path = f"{parent}.{attribute}"
        if not refuses([pattern], path):
            continue
        thing = getattr(holder, attribute)
        if isinstance(thing, types.ModuleType):
            yield from _inside(path)
        elif callable(thing):
            yield path, thing, holder, attribute
    if last and isinstance(_resolve(pattern), types.ModuleType):  # a module that its package does not show
        yield from _inside(pattern)


def _inside(module: str) -> Iterator[tuple[str, Any, Any, str]]:
    for name in sorted(n for n in sys.modules if n == module or n.startswith(module + ".")):
        loaded = sys.modules[name]
        for attribute, thing in sorted(vars(loaded).items()):
            own = f"{getattr(thing, '__module__', '')}.".startswith(module + ".")
            if own and callable(thing) and not attribute.startswith("__"):
                yield f"{name}.{attribute}", thing, loaded, attribute


def _resolve(path: str) -> Any:
    """Return the object of a dotted path, importing modules on the way; None when there is none."""
    try:
        return importlib.import_module(path)
    except ImportError:
        pass
    holder, _, last = path.rpartition(".")
    return getattr(_resolve(holder), last, None) if holder else None


def _refusing(message: str) -> Callable[..., Any]:
    def refused(*args: Any, **kwargs: Any) -> Any:
        raise RefusedError(message)

    return refused


def _refusing_code(message: str, free: int) -> types.CodeType:
    """Return code that raises ``RefusedError`` and has as many free variables as the code that it replaces."""
    cells = [f"cell_{i}" for i in range(free)]
    lines = [
        "def outer():",
        *[f"    {name} = None" for name in cells],
        "    def refused(*args, **kwargs):",
        *[f"        {name}" for name in cells],
        "        from autograder.guard import RefusedError",
        f"        raise RefusedError({message!r})",
        "    return refused",
    ]
    space: dict[str, Any] = {}
    exec("\n".join(lines), space)
    code: types.CodeType = space["outer"]().__code__
    return code
