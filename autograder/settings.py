"""Where a course lies and how nbgrader is set up for it, for the programs of this package."""

import errno
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from traitlets.config import Config, PyFileConfigLoader

__all__ = [
    "CourseError",
    "disk_is_full",
    "environment_kept",
    "find_root",
    "first_line",
    "lab_names",
    "load_settings",
    "quiet",
    "submitted",
]


class CourseError(Exception):
    """Something about the course, its files or the request is wrong; the message is one sentence for the instructor."""


def find_root(start: Path | None = None) -> Path:
    """Return the folder of the course: the nearest one from ``start`` upwards that holds ``nbgrader_config.py``.

    Raises
    ------
    CourseError
        When there is none.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents, Path(__file__).resolve().parents[1]):
        if (folder / "nbgrader_config.py").is_file():
            return folder
    raise CourseError(f"no nbgrader_config.py in {start} or above; run this in the folder of the course")


def load_settings(grading: Path | None, *, root: Path | None = None) -> Config:
    """Return nbgrader's configuration of a course, with its state in the folder ``grading`` (None: as the file says).

    Reading it sets environment variables that kernels started later inherit; see ``environment_kept``.
    """
    root = root or find_root()
    if grading is not None:
        os.environ["COURSE_GRADING"] = str(Path(grading).resolve())
    # nbgrader runs the program alembic when it opens a new gradebook
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = programs + os.pathsep + os.environ.get("PATH", "")
    config: Config = PyFileConfigLoader("nbgrader_config.py", path=str(root)).load_config()
    return config


def submitted(lab: str, students: Sequence[str], *, folder: Path, solutions: Path) -> list[str]:
    """Return the students whose submissions of a lab are to be graded; all who handed one in, unless some are named.

    Raises
    ------
    CourseError
        When the lab is unknown, or there is no submission.
    """
    if lab not in (known := lab_names(solutions)):
        raise CourseError(f"unknown lab {lab!r}; known: {', '.join(known) or 'none'}")
    found = sorted(path.parent.name for path in (folder / "submitted").glob(f"*/{lab}") if path.is_dir())
    if missing := sorted(set(students) - set(found)):
        raise CourseError(f"no submission of {lab} by {', '.join(missing)} in {folder.name}/submitted")
    if not found:
        raise CourseError(f"no submissions of {lab}; expected {folder.name}/submitted/<student>/{lab}/{lab}.ipynb")
    return sorted(set(students)) or found


def lab_names(solutions: Path) -> list[str]:
    """Return the labs that the solutions hold: every folder with a notebook of its own name."""
    if not solutions.is_dir():
        raise CourseError(f"no folder {solutions.name} with the labs' solutions in the course")
    return sorted(path.name for path in solutions.iterdir() if (path / f"{path.name}.ipynb").is_file())


@contextmanager
def environment_kept() -> Iterator[None]:
    """Put the environment variables back as they were."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


class _Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def last(self) -> str:
        """Return the last line of the last traceback, or of the last message."""
        for text in reversed(self.lines):
            if "Traceback (most recent call last)" in text:
                return text.strip().splitlines()[-1]
        return self.lines[-1].strip().splitlines()[-1] if self.lines else "no reason was given"


@contextmanager
def quiet(log: logging.Logger) -> Iterator[_Log]:
    """Collect what nbgrader logs and warns instead of printing it."""
    handler = _Log()
    before, propagate = log.handlers[:], log.propagate
    log.handlers[:], log.propagate = [handler], False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield handler
    finally:
        log.handlers[:], log.propagate = before, propagate


def disk_is_full(error: object) -> bool:
    """Whether an exception, or what nbgrader logged of one, says that nothing more can be written."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    words = ("No space left", "disk is full", "File too large", "Disk quota", "disk I/O error")
    return any(word in str(error) for word in words)


def first_line(error: object) -> str:
    """Return the first line of a message, printable, or the name of the error's type when it has none."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[0][:300] if lines else type(error).__name__
    return "".join(c for c in line if c.isprintable())
