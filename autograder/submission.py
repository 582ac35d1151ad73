"""Grade one submission: in a process of its own, on a copy of the gradebook, in a folder of its own.

The way: collect (``autograder.collect``), repair (``autograder.repair``), run in the sandbox and ask the tests from
outside (``autograder.execute``), marks and status. nbgrader's ``Autograde`` leads through it; it sees only what
``collect`` has copied. Whatever goes wrong becomes a status and a reason, never an exception; what comes back is plain
data.
"""

import hashlib
import os
import re
import resource
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder import execute
from autograder.collect import Refused, Submission, collect, is_name
from autograder.mistakes import Failure, failures
from autograder.seeds import read_secret, student_seed
from autograder.settings import disk_is_full, first_line, load_settings, quiet

__all__ = ["Graded", "grade_one"]

_WORST_FIRST = ("error", "crashed", "memory", "timeout", "output", "tampered", "repaired")


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
    received: str = ""
    """When the file came, by this machine's clock."""
    sha256: str = ""
    """Of the file that was handed in."""
    tests: str = ""
    """SHA-256 of the lab's hidden tests and probes."""
    inputs: str = ""
    """What the hidden inputs came from."""
    results: dict[str, list[list[Any]]] = field(default_factory=dict)
    """Every hidden test by question: property, whether it holds, message, kind."""
    without: tuple[str, ...] = ()
    peak: int = 0
    """Most bytes that the learner's processes held together."""
    grader_peak: int = 0
    """Most bytes that this process has held so far."""


def grade_one(
    student: str,
    lab: str,
    grading: str,
    draft: str,
    root: str | None,
    without: Sequence[str] = (),
    nursery: str = "",
) -> Graded:
    """Grade one submission on a copy of the gradebook; whatever goes wrong becomes a status and a reason."""
    started = time.monotonic()
    taken: Submission | None = None
    try:
        if not is_name(student):
            what = "at most 100 printable characters, none of * ? [ ]"
            raise Refused(f"The name of the student's folder cannot be used; {what}.")
        taken = collect(Path(grading) / "submitted" / student / lab, lab, Path(draft) / "data" / student)
        place = Path(root) if root else None
        result = _autograde(student, lab, Path(grading), Path(draft), place, taken, without, nursery)
    except Refused as error:
        result = Graded(student, "malformed", str(error))
    except (Exception, SystemExit) as error:
        result = Graded(student, "full" if disk_is_full(error) else "error", f"the grader failed: {first_line(error)}")
    for path in sorted({draft, grading, root or grading}, key=len, reverse=True):
        result.reason = result.reason.replace(path, "…")
    result.reason = result.reason.encode("utf-8", "replace").decode()
    result.student = student.encode("utf-8", "backslashreplace").decode()
    if taken is not None:
        result.sha256, result.received = taken.sha256, taken.received
    result.grader_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    result.seconds, result.without = time.monotonic() - started, tuple(without)
    return result


def _autograde(
    student: str,
    lab: str,
    grading: Path,
    draft: Path,
    root: Path | None,
    taken: Submission,
    without: Sequence[str],
    nursery: str,
) -> Graded:
    config = load_settings(grading, root=root)
    submitted = draft / "submitted" / student / lab
    submitted.mkdir(parents=True)
    (submitted / f"{lab}.ipynb").write_text(nbformat.writes(taken.notebook), encoding="utf-8")
    (submitted / "timestamp.txt").write_text(taken.received)
    book = draft / f"{hashlib.sha256(student.encode()).hexdigest()[:16]}.db"
    shutil.copyfile(draft / "gradebook.db", book)
    config.CourseDirectory.db_url = f"sqlite:///{book}?timeout=60"
    config.CourseDirectory.submitted_directory = str(draft / "submitted")
    config.CourseDirectory.autograded_directory = str(draft / "autograded")
    # nbgrader's own steps run the answers beside the tests; ours takes their place, everything after them stays
    steps = config.Autograde.autograde_preprocessors
    rest = [step for step in steps if step not in (execute.Execute, execute.JudgeCells)]
    config.Autograde.autograde_preprocessors = [execute.ExecuteApart, *rest]
    config.ExecuteApart.without, config.ExecuteApart.data = tuple(without), tuple(taken.data)
    config.ExecuteApart.nursery = nursery
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
    path = draft / "autograded" / student / lab / f"{lab}.ipynb"
    nb = nbformat.read(path, as_version=4)
    about = nb.metadata.setdefault("course", {})
    about["notes"] = [*taken.notes, *about.get("notes", [])]
    results, peak = about.pop("results", {}), about.pop("peak", 0)
    status, reason = _status(nb)
    _make_inert(nb, nbformat.read(Path(os.environ["COURSE_SOLUTIONS"]) / lab / f"{lab}.ipynb", as_version=4))
    os.chmod(path, 0o644)
    nbformat.write(nb, path)
    return Graded(
        student, status, reason, scores, comments, failures(nb), results=results, peak=peak,
        tests=_tests(Path(os.environ["COURSE_SOLUTIONS"]) / lab),
        inputs=student_seed(read_secret(grading), lab, student),
    )  # fmt: skip


def _make_inert(nb: nbformat.NotebookNode, source: nbformat.NotebookNode) -> None:
    """Take the life out of HTML that a learner wrote: the formgrader shows Markdown and raw cells as they are.

    A blank after the sign keeps the text readable and makes it no tag. What the lab itself says stays.
    """
    ours = {cell.source for cell in source.cells}
    for cell in nb.cells:
        if cell.cell_type != "code" and cell.source not in ours:
            cell.source = re.sub(r"<(?=[A-Za-z/!?])", "< ", cell.source)


def _tests(lab: Path) -> str:
    digest = hashlib.sha256()
    for name in ("hidden_tests.py", "probes.py"):
        digest.update((lab / name).read_bytes() if (lab / name).exists() else b"")
    return digest.hexdigest()


def _status(nb: nbformat.NotebookNode) -> tuple[str, str]:
    """Return the status of a graded notebook and the reason, from what its run left."""
    about = nb.metadata.get("course", {})
    found: dict[str, list[str]] = {}
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error" and output.ename in (
                "GraderError",
                "Crashed",
                "Memory",
                "Timeout",
                "Output",
            ):
                kind = "error" if output.ename == "GraderError" else output.ename.lower()
                where = cell.metadata.get("nbgrader", {}).get("grade_id") or f"cell {cell.get('id')}"
                found.setdefault(kind, []).append(f"{where}: {first_line(output.evalue)}")
    for kind, where in about.get("statuses", []):
        if not any(said.startswith(f"{where}:") for said in found.get(kind, [])):
            found.setdefault(kind, []).append(f"{where}: {_SAID[kind]}")
    if touched := list(about.get("touched", [])):
        found["tampered"] = [f"The code replaces or reaches for what tests lean on: {', '.join(touched)}."]
    if notes := list(about.get("notes", [])):
        found["repaired"] = notes
    for status in _WORST_FIRST:
        if status in found:
            return status, " ".join(line for kind in _WORST_FIRST for line in found.get(kind, []))
    return "ok", ""


_SAID = {
    "crashed": "the Python process ended while it ran.",
    "memory": "it used more memory than it may.",
    "timeout": "it took too long and was stopped.",
    "output": "it printed, or wrote, more than it may.",
}


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
