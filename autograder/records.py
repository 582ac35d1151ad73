"""What one grading of one submission found, kept as ``results/<student>/<lab>.json`` in the grading folder.

Marks are in the gradebook, where a person may change them; a record holds what the gradebook has no place for: the
status, the seconds it took, and the messages of failed checks. Each submission has a file of its own, so that grading
one student again changes nothing of the others.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.gradebook import write_whole
from autograder.mistakes import Failure
from autograder.settings import CourseError
from autograder.submission import Graded

__all__ = ["Record", "read_records", "write_record"]


@dataclass(frozen=True)
class Record:
    """The status of a submission and its reason, when and how long it was graded, and which cells failed."""

    student: str
    lab: str
    status: str
    reason: str
    finished: str
    """Time in UTC, ISO 8601."""
    seconds: float
    failures: tuple[Failure, ...] = ()


def write_record(folder: Path, lab: str, result: Graded) -> None:
    """Write the record of one submission into the grading folder, whole or not at all."""
    about = {
        "status": result.status,
        "reason": result.reason,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(result.seconds, 2),
        "failures": [asdict(failure) for failure in result.failures],
    }
    text = json.dumps(about, indent=1, allow_nan=False)
    write_whole(folder / "results" / result.student / f"{lab}.json", text + "\n")


def read_records(folder: Path) -> list[Record]:
    """Return the records of a grading folder, sorted by lab and student.

    Raises
    ------
    CourseError
        When a record cannot be read.
    """
    records = []
    for path in (folder / "results").glob("*/*.json"):
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            failures = tuple(Failure(**entry | {"messages": tuple(entry["messages"])}) for entry in about["failures"])
            records.append(Record(path.parent.name, path.stem, **about | {"failures": failures}))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise CourseError(
                f"the record results/{path.parent.name}/{path.name} cannot be read; delete it and grade "
                f"{path.parent.name} again"
            ) from None
    return sorted(records, key=lambda record: (record.lab, record.student))
