"""Grade a class: every submission on its own, one writer of the gradebook, one row for everybody.

Each submission is graded in another process (``autograder.submission``), its code in a sandbox. This process alone
adds to the ledger, writes the gradebook (all marks in one commit), moves the graded notebooks into place, and writes
feedback pages and ``grades.csv``, each file whole or not at all. A submission that cannot be graded gets a row with the
reason, a page that says what to do, and no old marks. Killed at any moment and started again, it ends the same.
"""

import ctypes
import errno
import fcntl
import multiprocessing
import os
import shutil
import signal
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from sqlalchemy.exc import OperationalError
from traitlets.config import Config

from autograder import feedback, ledger, warm
from autograder.collect import receipt
from autograder.gradebook import Row, prepare, row_of, write_csv, write_marks, write_whole
from autograder.settings import CourseError, disk_is_full, first_line, load_settings, submitted
from autograder.submission import Graded, grade_one

__all__ = ["Workers", "grade", "publish_again"]

_ADVICE = {
    "malformed": [
        "Nothing could be graded. Open the notebook in JupyterLab, run it from top to bottom, save it, and hand that "
        "file in again under the name that the lab has.",
        "If it does not open, start from a fresh copy of the lab and paste your answers into it.",
    ],
    "error": ["The grader, not you, is at fault. Your teacher has been told and will grade the notebook again."],
}


def grade(
    lab: str,
    *,
    grading: Path | None = None,
    students: Sequence[str] | None = None,
    workers: "Workers | None" = None,
    root: Path | None = None,
    without: Sequence[str] = (),
    progress: Callable[[Iterable[Graded], int], Iterable[Graded]] | None = None,
) -> list[Row]:
    """Grade the submissions of a lab and return a row for each, sorted by student.

    Parameters
    ----------
    lab : str
        Name of the lab, a folder of ``solutions/``.
    grading : path, optional
        The grading folder with ``submitted/<student>/<lab>/``; by default ``COURSE_GRADING`` or ``grading/``.
    students : sequence of str, optional
        Grade these only; the rows of the others stay in ``grades.csv``.
    workers : Workers, optional
        Who grades; two processes by default, for this call.
    without : sequence of str
        Protections of ``autograder.sandbox`` to do without, by name; "sandbox" for all of them.
    progress : callable, optional
        Wraps the iteration over finished submissions, such as a progress bar.

    Raises
    ------
    CourseError
        When the lab is unknown, there is no submission, the disk is full, or somebody else is grading in this folder;
        the message is one sentence.
    """
    config = load_settings(grading, root=root)
    folder = Path(os.environ["COURSE_GRADING"])
    solutions = Path(str(config.CourseDirectory.source_directory))
    wanted = submitted(lab, students or (), folder=folder, solutions=solutions)
    nursery = "" if without else str(warm.shared())
    try:
        with (
            nullcontext(workers) if workers else Workers() as graders,
            _alone_in(folder),
            tempfile.TemporaryDirectory(prefix=".work-", dir=folder, ignore_cleanup_errors=True) as draft,
        ):
            prepare(config, lab, Path(draft))
            place = str(root) if root else None
            tasks = [(student, lab, str(folder), str(draft), place, tuple(without), nursery) for student in wanted]
            results = graders.grade(tasks)
            done = sorted(progress(results, len(tasks)) if progress else results, key=lambda result: result.student)
            if any(result.status == "full" for result in done):
                raise OSError(errno.ENOSPC, "no space")
            ledger.add(folder, [_record(lab, result) for result in done])
            graded = Path(draft) / "autograded"
            same = {one.student: _same_answers(folder / "autograded", graded, one.student, lab) for one in done}
            write_marks(config, lab, done, same=same)
            pages, rows = _make(config, lab, graded, done)
            for result in done:
                _replace_folder(graded / result.student / lab, folder / "autograded" / result.student / lab)
            _publish(folder, lab, pages, rows)
            return rows
    except OSError as error:
        if disk_is_full(error):
            raise _full(folder) from None
        raise
    except (OperationalError, sqlite3.OperationalError) as error:
        if disk_is_full(error):
            raise _full(folder) from None
        raise CourseError(f"the gradebook in {folder.name} cannot be used: {first_line(error)}") from None


def publish_again(*, grading: Path | None = None, root: Path | None = None) -> list[Row]:
    """Write ``grades.csv`` and all feedback pages again from what is stored: marks given by hand since are in them.

    Of a student who was taken out of the gradebook, line and page stay as they are.

    Raises
    ------
    CourseError
        When somebody is grading in this folder, or a graded notebook is gone.
    """
    config = load_settings(grading, root=root)
    folder = Path(os.environ["COURSE_GRADING"])
    rows = []
    with _alone_in(folder):
        records = ledger.latest(folder)
        for lab in dict.fromkeys(record.lab for record in records):
            pages, of_lab = _make(config, lab, folder / "autograded", [one for one in records if one.lab == lab])
            _publish(folder, lab, pages, of_lab)
            rows += of_lab
    return rows


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system gives back when this process dies, and clear what a dead one left."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CourseError(f"somebody is grading in {folder.name} already; wait until that has ended") from None
        for left in folder.glob(".work-*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(lock)


def _record(lab: str, result: Graded) -> ledger.Record:
    return ledger.Record(
        student=result.student, lab=lab, status=result.status, reason=result.reason,
        finished=datetime.now(UTC).isoformat(timespec="seconds"), seconds=round(result.seconds, 2),
        failures=tuple(result.failures), received=result.received, sha256=result.sha256, tests=result.tests,
        inputs=result.inputs, scores=result.scores, results=result.results, without=result.without,
    )  # fmt: skip


def _full(folder: Path) -> CourseError:
    return CourseError(
        f"no space left for the grading folder {folder.name}; free some and run the command again (every file "
        "that is there is whole)"
    )


def _die_with_parent() -> None:
    """Ask the kernel to end this process with the one that started it, even when that one is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Workers:
    """Processes that grade, each one submission after another; they have imported everything and serve several labs.

    Parameters
    ----------
    processes : int
        How many submissions are graded at the same time.
    """

    def __init__(self, processes: int = 2) -> None:
        self._processes = processes
        self._pool: ProcessPoolExecutor | None = None

    def grade(self, tasks: Sequence[tuple[Any, ...]]) -> Iterator[Graded]:
        """Call ``grade_one`` for each task and yield results as they come; a death costs one submission only."""
        waiting, attempts = list(tasks), dict.fromkeys((task[0] for task in tasks), 0)
        while waiting:
            # after an accident one at a time, to know whose it was
            batch = waiting[:1] if any(attempts.values()) else waiting
            pool = self._pool = self._pool or self._start()
            futures: dict[Future[Graded], tuple[Any, ...]] = {}
            for task in batch:
                with suppress(BrokenProcessPool):  # between two labs; seen below
                    futures[pool.submit(grade_one, *task)] = task
            broken = len(futures) < len(batch)
            for future in as_completed(futures):
                task = futures[future]
                try:
                    result = future.result()
                except BrokenProcessPool:
                    broken = True
                    continue
                waiting.remove(task)
                yield result
            if broken:
                self.close()
                for task in [task for task in batch if task in waiting]:
                    attempts[task[0]] += 1
                    if attempts[task[0]] > 1:
                        waiting.remove(task)
                        yield Graded(task[0], "error", "the grader's process ended while it graded this submission")

    def _start(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._processes, mp_context=context, initializer=_die_with_parent)

    def close(self) -> None:
        """End the processes when they have finished what they do."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


_Page = tuple[str, str, str]


def _make(
    config: Config, lab: str, autograded: Path, results: Sequence[Graded | ledger.Record]
) -> tuple[list[_Page], list[Row]]:
    """Return a page (student, when the file came, HTML) and a row for each result, from the graded notebooks there."""
    solution = Path(str(config.CourseDirectory.source_directory)) / lab / f"{lab}.ipynb"
    title = feedback.title_of(nbformat.read(solution, as_version=4)) or lab
    pages: list[_Page] = []
    rows: list[Row] = []
    with Gradebook(config.CourseDirectory.db_url) as gradebook:
        for result in results:
            try:
                entries, penalty = feedback.gradebook_entries(gradebook, lab, lab, result.student)
            except MissingEntry:
                continue
            rows.append(row_of(lab, result, entries, penalty))
            page = feedback.Page(title, result.student, problem=result.reason, advice=_ADVICE.get(result.status, []))
            if result.scores:
                path = autograded / result.student / lab / f"{lab}.ipynb"
                if not path.is_file():
                    raise CourseError(f"the graded notebook of {result.student} for {lab} is gone; grade it again")
                nb = nbformat.read(path, as_version=4)
                page = feedback.page_of(nb, title=title, student=result.student, grades=entries, penalty=penalty)
            pages.append((result.student, result.received, feedback.render(page)))
    return pages, rows


def _publish(folder: Path, lab: str, pages: Sequence[_Page], rows: Sequence[Row]) -> None:
    """Put pages and rows into place, and beside each page what nbgrader's exchange needs to hand it back."""
    for student, received, html in pages:
        target = folder / "feedback" / student / lab
        write_whole(target / f"{lab}.html", html)
        secret = receipt(folder / "submitted" / student / lab)
        for name, text in {"timestamp.txt": received, "submission_secret.txt": secret}.items():
            if text:
                write_whole(target / name, text)
            else:
                (target / name).unlink(missing_ok=True)
    write_csv(folder / "grades.csv", rows)


def _same_answers(old: Path, new: Path, student: str, lab: str) -> set[str]:
    """Return the questions whose answers are the same in two graded notebooks of a student."""
    answers: list[dict[str, list[str]]] = []
    for folder in (old, new):
        path = folder / student / lab / f"{lab}.ipynb"
        answers.append({})
        for cell in nbformat.read(path, as_version=4).cells if path.is_file() else ():
            about = cell.metadata.get("nbgrader", {})
            if about.get("solution"):
                answers[-1].setdefault(feedback.question_of(about["grade_id"]), []).append(cell.source)
    return {question for question, text in answers[1].items() if answers[0].get(question) == text}


def _replace_folder(new: Path, place: Path) -> None:
    """Put ``new`` in the place of a folder; when there is nothing new, the old one goes too."""
    if place.exists():
        shutil.rmtree(place)
    if new.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(new, place)
