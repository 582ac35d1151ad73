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
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook
from sqlalchemy.exc import OperationalError
from traitlets.config import Config

from autograder import feedback, ledger
from autograder.gradebook import Row, prepare, row_of, write_csv, write_marks, write_whole
from autograder.settings import CourseError, disk_is_full, first_line, lab_names, load_settings
from autograder.submission import Graded, grade_one

__all__ = ["grade"]

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
    processes: int = 2,
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
    processes : int
        How many submissions are graded at the same time.
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
    if lab not in (known := lab_names(config)):
        raise CourseError(f"unknown lab {lab!r}; known: {', '.join(known) or 'none'}")
    found = sorted(path.parent.name for path in (folder / "submitted").glob(f"*/{lab}") if path.is_dir())
    wanted = sorted(set(students)) if students else found
    if missing := sorted(set(wanted) - set(found)):
        raise CourseError(f"no submission of {lab} by {', '.join(missing)} in {folder.name}/submitted")
    if not wanted:
        raise CourseError(f"no submissions of {lab}; expected {folder.name}/submitted/<student>/{lab}/{lab}.ipynb")
    try:
        with (
            _alone_in(folder),
            tempfile.TemporaryDirectory(prefix=".work-", dir=folder, ignore_cleanup_errors=True) as draft,
        ):
            prepare(config, lab, Path(draft))
            place = str(root) if root else None
            tasks = [(student, lab, str(folder), str(draft), place, tuple(without)) for student in wanted]
            results = _in_processes(tasks, processes)
            done = sorted(progress(results, len(tasks)) if progress else results, key=lambda result: result.student)
            if any(result.status == "full" for result in done):
                raise OSError(errno.ENOSPC, "no space")
            ledger.add(folder, [_record(lab, result) for result in done])
            write_marks(config, lab, done)
            return _publish(config, lab, folder, Path(draft), done)
    except OSError as error:
        if disk_is_full(error):
            raise _full(folder) from None
        raise
    except (OperationalError, sqlite3.OperationalError) as error:
        if disk_is_full(error):
            raise _full(folder) from None
        raise CourseError(f"the gradebook in {folder.name} cannot be used: {first_line(error)}") from None


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


def _in_processes(tasks: Sequence[tuple[Any, ...]], processes: int) -> Iterable[Graded]:
    """Grade in several processes and yield results as they come; a process that dies costs one submission only."""
    waiting, attempts = list(tasks), dict.fromkeys((task[0] for task in tasks), 0)
    context = multiprocessing.get_context("spawn")
    while waiting:
        broken = False
        # after an accident one at a time, to know whose it was
        workers = 1 if any(attempts.values()) else max(1, min(processes, len(waiting)))
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_die_with_parent) as pool:
            batch = waiting[:1] if any(attempts.values()) else waiting
            futures: dict[Future[Graded], tuple[Any, ...]] = {pool.submit(grade_one, *task): task for task in batch}
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
            for task in [task for task in batch if task in waiting]:
                attempts[task[0]] += 1
                if attempts[task[0]] > 1:
                    waiting.remove(task)
                    yield Graded(task[0], "error", "the grader's process ended while it graded this submission")


def _publish(config: Config, lab: str, folder: Path, draft: Path, results: Sequence[Graded]) -> list[Row]:
    """Move the graded notebooks into place, write the pages and ``grades.csv``; return the rows of these results."""
    solution = Path(str(config.CourseDirectory.source_directory)) / lab / f"{lab}.ipynb"
    title = feedback.title_of(nbformat.read(solution, as_version=4)) or lab
    pages: list[tuple[Path, str]] = []
    rows: list[Row] = []
    with Gradebook(config.CourseDirectory.db_url) as gradebook:
        for result in results:
            entries, penalty = feedback.gradebook_entries(gradebook, lab, lab, result.student)
            rows.append(row_of(lab, result, entries, penalty))
            made = draft / "autograded" / result.student / lab / f"{lab}.ipynb"
            page = feedback.Page(title, result.student, problem=result.reason, advice=_ADVICE.get(result.status, []))
            if result.scores:
                nb = nbformat.read(made, as_version=4)
                page = feedback.page_of(nb, title=title, student=result.student, grades=entries, penalty=penalty)
            target = folder / "feedback" / result.student / lab / f"{lab}.html"
            pages.append((target, feedback.render(page)))
    # everything is made; now put it into place
    for result in results:
        _replace_folder(draft / "autograded" / result.student / lab, folder / "autograded" / result.student / lab)
    for target, html in pages:
        write_whole(target, html)
    write_csv(folder / "grades.csv", rows)
    return rows


def _replace_folder(new: Path, place: Path) -> None:
    """Put ``new`` in the place of a folder; when there is nothing new, the old one goes too."""
    if place.exists():
        shutil.rmtree(place)
    if new.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(new, place)
