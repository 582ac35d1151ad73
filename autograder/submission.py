"""Grade one submission: in a process of its own, on a copy of the gradebook, in a folder of its own.

Whatever goes wrong becomes a status and a reason, never an exception; what comes back is plain data.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder.mistakes import Failure, failures
from autograder.settings import disk_is_full, first_line, load_settings, quiet

__all__ = ["LARGEST", "Graded", "grade_one"]

LARGEST = 20 * 2**20
"""Largest notebook file in bytes that is accepted."""


_TYPES = ("code", "markdown", "raw")


@dataclass
class Graded:
    """What the grading of one submission found: plain data that travels between processes."""

    student: str
    status: str
    reason: str = ""
    scores: dict[str, tuple[float | None, bool]] = field(default_factory=dict)
    """Per graded cell: automatic score (None: not graded), whether a person has to grade it."""
    comments: dict[str, str | None] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0


def grade_one(student: str, lab: str, grading: str, draft: str, root: str | None) -> Graded:
    """Grade one submission on a copy of the gradebook; whatever goes wrong becomes a status and a reason."""
    started = time.monotonic()
    try:
        if problem := _unreadable(Path(grading) / "submitted" / student / lab, lab):
            return Graded(student, "malformed", problem)
        result = _autograde(student, lab, Path(grading), Path(draft), Path(root) if root else None)
    except Exception as error:
        result = Graded(student, "full" if disk_is_full(error) else "error", f"the grader failed: {first_line(error)}")
    result.seconds = time.monotonic() - started
    return result


def _unreadable(folder: Path, lab: str) -> str:
    """Return what is wrong with the file that was handed in, or an empty string."""
    path = folder / f"{lab}.ipynb"
    if not path.is_file() or path.is_symlink():
        others = sorted(other.name for other in folder.iterdir() if other.name != path.name)[:5]
        there = f"there is only {', '.join(others)}" if others else "the folder is empty"
        return f"No notebook named {lab}.ipynb was handed in; {there}."
    size = path.stat().st_size
    if size > LARGEST:
        return f"The notebook has {size // 2**20} MiB; at most {LARGEST // 2**20} MiB are accepted. Clear its outputs."
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return "The notebook is not a text file in UTF-8, as Jupyter writes it."
    if not text.strip():
        return "The notebook file is empty."
    try:
        nb = nbformat.reads(text, as_version=4)
        sound = all(
            cell.cell_type in _TYPES and isinstance(cell.source, str) and cell.metadata is not None for cell in nb.cells
        )
    except (nbformat.reader.NotJSONError, json.JSONDecodeError, RecursionError):
        return "The notebook file is damaged: it is cut off or not a notebook (not valid JSON)."
    except Exception as error:
        return f"The notebook file is damaged: {first_line(error)}."
    if not sound:
        return "The notebook file is damaged: some of its cells are not cells."
    if not any("nbgrader" in cell.metadata for cell in nb.cells):
        return f"The notebook has none of the cells of {lab}; was another file handed in?"
    return ""


def _autograde(student: str, lab: str, grading: Path, draft: Path, root: Path | None) -> Graded:
    config = load_settings(grading, root=root)
    book = draft / f"{student}.db"
    shutil.copyfile(draft / "gradebook.db", book)
    config.CourseDirectory.db_url = f"sqlite:///{book}?timeout=60"
    config.CourseDirectory.autograded_directory = str(draft / "autograded")
    course = CourseDirectory(config=config, assignment_id=lab, student_id=student)
    course.notebook_id = lab
    converter = Autograde(coursedir=course, config=config, force=True)
    with quiet(converter.log) as log, _stderr_away():
        try:
            converter.start()
        except NbGraderException:
            full = any(disk_is_full(line) for line in log.lines)
            return Graded(student, "full" if full else "error", f"the grader failed: {log.last()}")
    with Gradebook(config.CourseDirectory.db_url) as gradebook:
        submission = gradebook.find_submission_notebook(lab, lab, student)
        scores = {g.name: (g.auto_score, bool(g.needs_manual_grade)) for g in submission.grades}
        comments = {c.name: c.auto_comment for c in submission.comments}
    book.unlink()
    nb = nbformat.read(draft / "autograded" / student / lab / f"{lab}.ipynb", as_version=4)
    status, reason = _status(nb)
    return Graded(student, status, reason, scores, comments, failures(nb))


def _status(nb: nbformat.NotebookNode) -> tuple[str, str]:
    """Return the status of a graded notebook and the reason, from what its cells left."""
    names = {"GraderError": "error", "Crashed": "crashed", "Timeout": "timeout", "NotRun": "timeout"}
    found: dict[str, list[str]] = {}
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error" and (status := names.get(output.ename)):
                where = cell.metadata.get("nbgrader", {}).get("grade_id") or f"cell {cell.get('id')}"
                found.setdefault(status, []).append(f"{where}: {first_line(output.evalue)}")
    notes = list(nb.metadata.get("course", {}).get("notes", []))
    for status in ("error", "crashed", "timeout"):
        if status in found:
            return status, " ".join(found[status] + notes)
    return ("repaired", " ".join(notes)) if notes else ("ok", "")


@contextmanager
def _stderr_away() -> Iterator[None]:
    """Send what kernels write to the inherited stderr (a warning at each start) nowhere."""
    kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)
