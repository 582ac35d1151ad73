"""The ledger: one line for each grading of each submission, added at the end and never changed.

``ledger.jsonl`` in the grading folder says what was graded (the file's SHA-256, when it came), with which tests and
inputs, and what came out: status, reason, marks by cell, every hidden test, every message. Each line carries the hash
of the line before, so that a line changed or taken out later shows. Marks that count are in the gradebook, where a
person may change them; an appeal is settled by the ledger.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autograder.mistakes import Failure
from autograder.settings import CourseError

__all__ = ["Record", "add", "broken", "latest", "read"]

_FIRST = "0" * 64


@dataclass(frozen=True)
class Record:
    """What one grading of one submission found; see ``autograder.submission.Graded`` for the fields in common."""

    student: str
    lab: str
    status: str
    reason: str
    finished: str
    """Time in UTC, ISO 8601."""
    seconds: float
    failures: tuple[Failure, ...] = ()
    received: str = ""
    sha256: str = ""
    tests: str = ""
    """SHA-256 of the lab's hidden tests and probes."""
    inputs: str = ""
    """What the hidden inputs came from: ``seeds.student_seed`` of the secret, the lab and the student."""
    scores: dict[str, tuple[float | None, bool]] = field(default_factory=dict, hash=False)
    results: dict[str, list[list[Any]]] = field(default_factory=dict, hash=False)
    without: tuple[str, ...] = ()
    """Protections that were not in force."""


def add(folder: Path, records: Iterable[Record]) -> None:
    """Add records at the end of the ledger; the lines are on the disk when this returns.

    Half a line that an accident left is completed by a line break first, and no line is ever changed.
    """
    path = folder / "ledger.jsonl"
    before = path.read_bytes() if path.exists() else b""
    lines = before.splitlines()
    previous = hashlib.sha256(lines[-1]).hexdigest() if lines else _FIRST
    with path.open("ab") as file:
        if before and not before.endswith(b"\n"):
            file.write(b"\n")
        for record in records:
            text = json.dumps({**asdict(record), "previous": previous}, allow_nan=False, sort_keys=True).encode()
            file.write(text + b"\n")
            previous = hashlib.sha256(text).hexdigest()
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> list[Record]:
    """Return all records of a grading folder in the order of their grading; a line cut off by an accident is left out.

    Raises
    ------
    CourseError
        When a whole line cannot be read.
    """
    path = folder / "ledger.jsonl"
    records = []
    for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else [], start=1):
        try:
            about = json.loads(line)
        except ValueError:
            continue  # cut off
        try:
            about.pop("previous")
            about["failures"] = tuple(
                Failure(**one | {"messages": tuple(one["messages"])}) for one in about["failures"]
            )
            about["scores"] = {name: (score, waits) for name, (score, waits) in about["scores"].items()}
            records.append(Record(**about | {"without": tuple(about["without"])}))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CourseError(f"line {number} of ledger.jsonl cannot be read; it was changed by hand") from None
    return records


def latest(folder: Path) -> list[Record]:
    """Return the last record of each submission, sorted by lab and student."""
    last = {(record.lab, record.student): record for record in read(folder)}
    return [last[key] for key in sorted(last)]


def broken(folder: Path) -> list[int]:
    """Return the numbers of the lines that do not follow from the line before: something was changed or taken out."""
    path = folder / "ledger.jsonl"
    found, previous = [], _FIRST
    for number, line in enumerate(path.read_bytes().splitlines() if path.exists() else [], start=1):
        try:
            follows = json.loads(line)["previous"] == previous
        except (ValueError, TypeError, KeyError):
            follows = True  # cut off by an accident: the next line vouches for it
        if not follows:
            found.append(number)
        previous = hashlib.sha256(line).hexdigest()
    return found
