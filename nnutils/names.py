"""Choose by name: one sentence for every unknown name, wherever it is given."""

import difflib
from collections.abc import Iterable

__all__ = ["one_of"]


def one_of(what: str, name: object, known: Iterable[str]) -> str:
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
    raise ValueError(f"{what}: got {name!r}, expected one of {', '.join(names)}{hint}")
