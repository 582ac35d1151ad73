"""Make the labs that students open from the solutions, and find what must not be in them.

``generate`` runs nbgrader's ``generate_assignment`` without a database into a folder; ``differences`` compares two such
folders byte by byte; ``leaks`` looks for hidden tests, probes, answers and solutions in a folder that a learner, or a
learner's code, can read.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder.settings import CourseError, environment_kept, lab_names, load_settings, quiet

__all__ = ["differences", "generate", "leaks", "release"]

FORBIDDEN = ("hidden_tests.py", "probes.py", "answers")
"""Files and folders of a solution that no student may get."""


def generate(labs: Iterable[str], out: str | Path, *, root: Path | None = None) -> list[Path]:
    """Generate the releases of the named labs into ``out/<lab>`` and return these folders.

    Raises
    ------
    CourseError
        When a lab is unknown, or nbgrader cannot convert it.
    """
    out = Path(out).resolve()
    folders = []
    for lab in labs:
        with tempfile.TemporaryDirectory() as grading, environment_kept():
            config = load_settings(Path(grading), root=root)
            config.SaveCells.enabled = False
            if lab not in (known := lab_names(Path(config.CourseDirectory.source_directory))):
                raise CourseError(f"unknown lab {lab!r}; known: {', '.join(known) or 'none'}")
            config.CourseDirectory.release_directory = str(out)
            course = CourseDirectory(config=config, assignment_id=lab)
            converter = GenerateAssignment(coursedir=course, config=config, force=True, no_database=True)
            with quiet(converter.log) as log:
                try:
                    converter.start()
                except (NbGraderException, SystemExit):
                    raise CourseError(f"{lab}: nbgrader could not make the release: {log.last()}") from None
        folders.append(out / lab)
    return folders


def differences(made: str | Path, kept: str | Path) -> list[str]:
    """Return one sentence for each file that differs between two folders of labs, or is in one of them only."""
    made, kept = Path(made), Path(kept)
    first, second = _files(made), _files(kept)
    found = [f"{name} is missing" for name in sorted(first - second)]
    found += [f"{name} is there, but the solutions do not generate it" for name in sorted(second - first)]
    found += [
        f"{name} is not what the solutions generate"
        for name in sorted(first & second)
        if (made / name).read_bytes() != (kept / name).read_bytes()
    ]
    return found


def leaks(folder: str | Path, *, solutions: str | Path | None = None) -> list[str]:
    """Return one sentence for each thing in ``folder`` that gives away a test or a solution.

    Files and folders of the names ``hidden_tests.py``, ``probes.py`` and ``answers`` are leaks wherever they lie. In
    notebooks below a folder named like a lab of ``solutions``, so are solution and hidden-test regions, whole lines of
    a solution, and outputs of a run.

    Parameters
    ----------
    folder : path
        ``labs/``, or a grading folder's ``autograded/`` (there only the names count: answers are the learner's own).
    solutions : path, optional
        Compare with these solutions; without it only names and region marks are looked for.
    """
    folder = Path(folder)
    found = []
    for path in sorted(folder.rglob("*")):
        if path.name in FORBIDDEN:
            found.append(f"{path.relative_to(folder).as_posix()} must not be here")
        elif path.suffix == ".ipynb" and ".ipynb_checkpoints" not in path.parts and solutions is not None:
            source = Path(solutions) / path.parent.name / path.name
            found += [f"{path.relative_to(folder).as_posix()}: {what}" for what in _notebook_leaks(path, source)]
    return found


def release(root: Path, *, check: bool = False) -> list[str]:
    """Bring ``labs/`` of a course up to date, or with ``check`` only say what is wrong with it.

    Returns
    -------
    list of str
        With ``check``: what differs or leaks. Otherwise: the labs that were written.
    """
    root = Path(root)
    with tempfile.TemporaryDirectory() as grading, environment_kept():
        config = load_settings(Path(grading), root=root)
    labs, target = lab_names(Path(config.CourseDirectory.source_directory)), root / "labs"
    solutions = Path(config.CourseDirectory.source_directory)
    with tempfile.TemporaryDirectory(prefix=".labs-", dir=root) as draft:
        folders = generate(labs, draft, root=root)
        if found := leaks(draft, solutions=solutions):
            raise CourseError("the release would give something away: " + "; ".join(found))
        if check:
            return differences(draft, target) + leaks(target, solutions=solutions)
        written = []
        for folder in folders:
            if _files(folder) != _files(target / folder.name) or differences(folder, target / folder.name):
                old = Path(draft) / f"old-{folder.name}"
                target.mkdir(exist_ok=True)
                if (target / folder.name).exists():
                    os.replace(target / folder.name, old)
                os.replace(folder, target / folder.name)
                shutil.rmtree(old, ignore_errors=True)
                written.append(folder.name)
        return written


def _files(folder: Path) -> set[str]:
    if not folder.is_dir():
        return set()
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {
        path.as_posix() for path in paths if ".ipynb_checkpoints" not in path.parts and "__pycache__" not in path.parts
    }


def _notebook_leaks(path: Path, source: Path) -> list[str]:
    """Return what a released notebook gives away of its source notebook."""
    nb = nbformat.read(path, as_version=4)
    found = []
    text = "\n".join(cell.source for cell in nb.cells)
    for mark in ("BEGIN SOLUTION", "END SOLUTION", "BEGIN HIDDEN TESTS", "END HIDDEN TESTS", "run_hidden("):
        if mark in text:
            found.append(f"holds {mark.rstrip('(')}")
    if not source.exists():
        return found
    cells = nbformat.read(source, as_version=4).cells
    given = {line for cell in cells for line in _given_lines(cell)}
    lines = {line.strip() for line in text.splitlines()} - given
    for cell in cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("solution"):
            secret = [line for line in _solution_lines(cell.source) if len(line) > 20 and line in lines]
            if secret:
                found.append(f"holds {len(secret)} line(s) of the solution of {about.get('grade_id')}")
    if any(cell.get("outputs") for cell in nb.cells):
        found.append("holds outputs of a run")
    return found


def _given_lines(cell: nbformat.NotebookNode) -> set[str]:
    """Return the lines of a source cell that every student gets."""
    if not cell.metadata.get("nbgrader", {}).get("solution"):
        return {line.strip() for line in cell.source.splitlines()}
    if "BEGIN SOLUTION" not in cell.source:
        return set()
    outside = re.sub(r"[^\n]*BEGIN SOLUTION.*?END SOLUTION[^\n]*", "", cell.source, flags=re.DOTALL)
    return {line.strip() for line in outside.splitlines()}


def _solution_lines(source: str) -> list[str]:
    """Return the lines between the marks of a solution, or all lines where there is no mark."""
    inside = re.findall(r"BEGIN SOLUTION[^\n]*\n(.*?)[^\n]*END SOLUTION", source, re.DOTALL)
    lines = "\n".join(inside if inside else [source]).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
