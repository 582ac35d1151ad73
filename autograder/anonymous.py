"""Replace the names of a class by ids, and leave out of its records what may give a name away.

An id comes from the course's secret and the name, so that it is the same in every report of the course, cannot be
computed from a list of names, and says nothing about the alphabet.
"""

import builtins
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from autograder.ledger import Record
from autograder.mistakes import Failure

__all__ = ["hide", "pseudonym"]

_WRITTEN_BY_US = (
    *("WrongAnswer", "HiddenTestsFailed", "NotDone", "RefusedNames", "NotConfirmed"),
    *("Crashed", "Memory", "Output", "Timeout", "NotRun"),
)


def pseudonym(student: str, secret: str) -> str:
    """Return a student's id, such as ``s-4f09a1c27b``."""
    return "s-" + hmac.new(secret.encode(), f"report\n{student}".encode(), hashlib.sha256).hexdigest()[:10]


def hide(records: Iterable[Record], people: Mapping[str, Sequence[str]], secret: str) -> dict[Record, Record]:
    """Return for each record the one without names.

    Reasons (they quote file names) go, of an error that the learner's own code raised only its type stays, and every
    name in what the checks say becomes ``…``.

    Parameters
    ----------
    people : mapping from student to names
        What else a student is called: first name, last name, address.
    """
    records = list(records)
    names = {record.student for record in records} | set(people) | {name for known in people.values() for name in known}
    longest_first = sorted(names, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)
    return {
        record: replace(
            record,
            student=pseudonym(record.student, secret),
            reason="",
            failures=tuple(_without_names(failure, pattern) for failure in record.failures),
        )
        for record in records
    }


def _without_names(failure: Failure, names: re.Pattern[str]) -> Failure:
    if failure.kind not in _WRITTEN_BY_US:
        return replace(failure, kind=_type(failure.kind), messages=(_type(failure.kind),))
    messages = (re.sub(r"raised (\w+)\b.*", lambda found: f"raised {_type(found[1])}", m) for m in failure.messages)
    return replace(failure, messages=tuple(names.sub("…", message) for message in messages))


def _type(name: str) -> str:
    """Return the name of one of Python's own errors; another one is the learner's invention."""
    return name if isinstance(getattr(builtins, name, None), type) else "an error of their own"
