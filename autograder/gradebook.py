"""The gradebook and ``grades.csv``: nbgrader's database, written by one process only, and the table made from it."""

import csv
import errno
import io
import os
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.feedback import question_of
from autograder.ledger import Record
from autograder.settings import CourseError, disk_is_full, quiet
from autograder.submission import Graded

__all__ = ["Row", "prepare", "row_of", "write_csv", "write_marks", "write_whole"]


@dataclass
class Row:
    """One line of ``grades.csv``."""

    student: str
    lab: str
    score: float
    max_score: float
    questions: dict[str, float | None]
    """Marks per question; None where a person has to grade it."""
    status: str
    """ok, repaired, timeout, crashed, malformed or error."""
    needs_manual_grade: bool
    reason: str


def prepare(config: Config, lab: str, draft: Path) -> None:
    """Bring the lab's cells and points into the gradebook, and copy it for the graders."""
    config = Config(config.copy())
    config.CourseDirectory.release_directory = str(draft / "release")
    course = CourseDirectory(config=config, assignment_id=lab)
    converter = GenerateAssignment(coursedir=course, config=config, force=True)
    with quiet(converter.log) as log:
        try:
            converter.start()
        except NbGraderException:
            if any(disk_is_full(line) for line in log.lines):
                raise OSError(errno.ENOSPC, "no space") from None
            raise CourseError(f"{lab}: nbgrader could not read the lab into the gradebook: {log.last()}") from None
    path = _gradebook_path(config)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(draft / "gradebook.db")) as copy:
        source.backup(copy)


def _gradebook_path(config: Config) -> Path:
    return Path(str(config.CourseDirectory.db_url).removeprefix("sqlite:///").partition("?")[0])


def write_marks(
    config: Config, lab: str, results: Sequence[Graded], *, same: Mapping[str, Collection[str]] | None = None
) -> None:
    """Write all marks in one commit; a submission that was not graded loses the marks it had from before.

    A mark given by hand stays. It is flagged to be looked at again, unless the answer is the one that got it: ``same``
    holds for each student the questions whose answers have not changed.
    """
    same = same or {}
    with quiet(CourseDirectory(config=config).log), Gradebook(config.CourseDirectory.db_url) as gradebook:
        for result in results:
            gradebook.update_or_create_student(result.student)
            gradebook.update_or_create_submission(lab, result.student)
        for result in results:
            submission = gradebook.find_submission_notebook(lab, lab, result.student)
            for entry in submission.grades:
                score, waits = result.scores.get(entry.name, (None, True))
                entry.auto_score = score
                by_hand = entry.manual_score is not None
                if not by_hand or question_of(entry.name) not in same.get(result.student, ()):
                    entry.needs_manual_grade = waits or by_hand
            for comment in submission.comments:
                comment.auto_comment = result.comments.get(comment.name)
        gradebook.db.commit()


def row_of(lab: str, result: Graded | Record, entries: dict[str, dict[str, Any]], penalty: float) -> Row:
    questions: dict[str, float | None] = {}
    graded = {name: entry for name, entry in entries.items() if "max_score" in entry}
    for name, entry in graded.items():
        question = question_of(name)
        before = questions.get(question, 0.0)
        questions[question] = None if entry["waiting"] or before is None else before + entry["score"]
    return Row(
        student=result.student,
        lab=lab,
        score=max(0.0, sum(entry["score"] for entry in graded.values()) - penalty),
        max_score=sum(entry["max_score"] for entry in graded.values()),
        questions=questions,
        status=result.status,
        needs_manual_grade=any(entry["flagged"] for entry in graded.values()),
        reason=result.reason,
    )


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows into ``grades.csv``, replacing those of the same student and lab and keeping all others.

    The columns are student, lab, score, max_score, one for each question (empty: not graded yet), status,
    needs_manual_grade and reason. Text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    kept: list[dict[str, str]] = []
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            new = {(_inert(row.student), row.lab) for row in rows}
            kept = [old for old in csv.DictReader(file) if (old.get("student", ""), old.get("lab", "")) not in new]
    lines = kept + [
        {
            "student": _inert(row.student),
            "lab": row.lab,
            "score": f"{row.score:g}",
            "max_score": f"{row.max_score:g}",
            **{name: "" if mark is None else f"{mark:g}" for name, mark in row.questions.items()},
            "status": row.status,
            "needs_manual_grade": "yes" if row.needs_manual_grade else "no",
            "reason": _inert(row.reason),
        }
        for row in rows
    ]
    first, last = ["student", "lab", "score", "max_score"], ["status", "needs_manual_grade", "reason"]
    names = dict.fromkeys(name for line in [*lines[len(kept) :], *kept] for name in line)
    questions = [name for name in names if name not in first + last]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*first, *questions, *last], restval="", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(sorted(lines, key=lambda line: (line["lab"], line["student"])))
    write_whole(path, text.getvalue())


def _inert(text: str) -> str:
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r") else text


def write_whole(path: Path, text: str) -> None:
    """Write a file under another name first, so that nobody meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
