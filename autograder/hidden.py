"""The plain runner: what the hidden cell of a notebook calls when nbgrader runs the notebook in its own kernel."""

import os
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any

from autograder import grade, worker
from autograder.student import InProcess

__all__ = ["HiddenTestsFailed", "RefusedNames", "first_lines", "run_hidden"]


class HiddenTestsFailed(AssertionError):
    """The hidden properties that fail, one line each; a notebook shows the lines and no traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


class RefusedNames(HiddenTestsFailed):
    """The question's code uses a refused name; it gets no marks."""


def run_hidden(question: str, namespace: MutableMapping[str, Any]) -> None:
    """Run a question's hidden tests against a notebook's names; its hidden cell calls ``run_hidden("q", globals())``.

    The lab is the notebook's folder (or ``COURSE_LAB``), its tests lie under ``COURSE_SOLUTIONS`` (or in this folder).
    Nothing of the tests is shown but one line for each property that fails, and of many the first few: one mistake in
    an optimizer breaks twenty properties, and twenty lines hide what to do.

    Raises
    ------
    AssertionError
        When a property fails.
    GraderError
        When there is no such lab or question, or its tests cannot run.
    """
    folder = Path.cwd()
    lab = os.environ.get("COURSE_LAB") or folder.name
    solutions = os.environ.get("COURSE_SOLUTIONS")
    directory = Path(solutions) / lab if solutions else folder
    if not (directory / "hidden_tests.py").is_file():
        raise grade.GraderError(f"run_hidden: no hidden tests for the lab {lab}; COURSE_SOLUTIONS must lead to them")
    student_id = os.environ.get("COURSE_STUDENT") or folder.parent.name
    seed = os.environ.get("COURSE_SEED")
    try:
        results = grade.question_results(directory, question, InProcess(namespace), seed=seed, student_id=student_id)
    except KeyboardInterrupt:
        raise HiddenTestsFailed("your code took too long in the hidden tests and was stopped") from None
    except LookupError as error:
        raise grade.GraderError(worker.one_line(error)) from None
    lines = grade.failure_lines(results)
    if lines:
        refused = any(result.kind == "refused" for result in results)
        raise (RefusedNames if refused else HiddenTestsFailed)("\n".join(first_lines(lines)))


def first_lines(lines: Sequence[str], most: int = 5) -> list[str]:
    """Return at most so many lines, those that name a mistake (after a semicolon) first, and how many are left."""
    if len(lines) <= most + 1:
        return list(lines)
    first = sorted(lines, key=lambda line: ";" not in line)[:most]
    return [*first, f"and {len(lines) - most} more properties"]
