"""Mend a submitted notebook before it runs: the source notebook says what belongs to it, the learner's metadata do not.

Editors, copies and mistakes damage the cells that nbgrader needs: deleted or duplicated tests, changed flags, points,
tags. ``restore`` gives every graded or solution cell the metadata of the source again, puts missing cells back where
they belong, and says in words what it did. Tags are restored too: a test tagged to be skipped would count as passed.

A *given* cell (locked, with neither points nor a solution: imports, helpers) gets its text again as well, since the
tests use its names. What the learner made of it stays beside it as a cell of their own: an added import is natural.
"""

import ast
import copy
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell
from nbgrader.preprocessors import NbGraderPreprocessor

__all__ = ["EXPERIMENT", "STUB", "RestoreCells", "restore"]

EXPERIMENT = "experiment"
"""The tag of cells that are not run when grading."""

STUB = "raise NotDone()"
"""What a release holds in place of a solution."""


class RestoreCells(NbGraderPreprocessor):
    """nbgrader preprocessor: ``restore`` with the lab's source notebook under ``COURSE_SOLUTIONS``."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        lab, name = resources["nbgrader"]["assignment"], resources["nbgrader"]["notebook"]
        path = Path(os.environ["COURSE_SOLUTIONS"]) / lab / f"{name}.ipynb"
        source = nbformat.read(path, as_version=4)
        skip = self.config.get("Execute", {}).get("skip_cells_with_tag", EXPERIMENT)
        return restore(nb, source, skip=skip), resources


def restore(nb: NotebookNode, source: NotebookNode, *, skip: str = EXPERIMENT) -> NotebookNode:
    """Return the submission with the cells and metadata of ``source`` in order again.

    Parameters
    ----------
    nb : NotebookNode
        What the learner handed in; not changed.
    source : NotebookNode
        The notebook in ``solutions/``.
    skip : str
        The tag that experiment cells get, and no other cell has.

    Returns
    -------
    NotebookNode
        ``metadata.course.notes`` lists what was mended, one sentence each.
    """
    expected = {cell.metadata.nbgrader.grade_id: cell for cell in source.cells if "nbgrader" in cell.metadata}
    experiments = {cell.id for cell in source.cells if EXPERIMENT in _tags(cell) and "id" in cell}
    given = {cell.id: grade_id for grade_id, cell in expected.items() if _is_given(cell) and "id" in cell}
    notes: list[str] = []
    cells: list[NotebookNode] = []
    for cell in nb.cells:
        mended = _bare(cell)
        grade_id = _grade_id(cell)
        number = cell.get("id") if isinstance(cell.get("id"), str) else ""
        experiment = number in experiments or EXPERIMENT in _tags(cell)
        if grade_id is None and isinstance(cell.get("id"), str):
            grade_id = given.get(cell.id)  # a program that dropped the metadata left the id
        if grade_id in expected:
            mended.metadata.nbgrader = NotebookNode(grade_id=grade_id)
        elif experiment and cell.cell_type == "code":
            mended.metadata.tags = [EXPERIMENT, skip]
        cells.append(mended)

    cells = _one_of_each(cells, expected, notes)
    cells = _given_as_they_were(cells, expected, notes)
    _add_missing(cells, expected, notes)
    _tests_after_answers(cells, expected, notes)
    for cell in cells:
        if (grade_id := _grade_id(cell)) is not None:
            old = next((c for c in nb.cells if _grade_id(c) == grade_id), None)
            if old is not None and _changed(old, expected[grade_id]):
                notes.append(f"The settings of the cell `{grade_id}` had been changed; they were restored.")
            cell.metadata = copy.deepcopy(expected[grade_id].metadata)
            _as_type(cell, expected[grade_id].cell_type)

    fixed = copy.deepcopy(nb)
    fixed.cells = cells
    fixed.metadata = copy.deepcopy(source.metadata)
    fixed.metadata["course"] = {"notes": notes}
    fixed.nbformat, fixed.nbformat_minor = 4, 5
    _unique_ids(fixed)
    return fixed


def _bare(cell: NotebookNode) -> NotebookNode:
    """Return a cell with its type, source, id and pasted pictures, and nothing else of what the learner's file says."""
    make = {"code": new_code_cell, "markdown": new_markdown_cell, "raw": new_raw_cell}[cell.cell_type]
    bare = make(source=str(cell.source))
    if isinstance(cell.get("id"), str):
        bare.id = cell.id
    if isinstance(attachments := cell.get("attachments"), dict) and cell.cell_type != "code":
        bare.attachments = copy.deepcopy(attachments)
    return bare


def _one_of_each(
    cells: Sequence[NotebookNode], expected: dict[str, NotebookNode], notes: list[str]
) -> list[NotebookNode]:
    """Leave each id on one cell: the last answer that is finished, the first copy of a test."""
    drop: set[int] = set()
    for grade_id, model in expected.items():
        copies = [i for i, cell in enumerate(cells) if _grade_id(cell) == grade_id]
        if len(copies) < 2:
            continue
        answer = bool(model.metadata.nbgrader.get("solution"))
        keep = max(copies, key=lambda i: (_finished(cells[i]), i)) if answer else copies[0]
        for i in set(copies) - {keep}:
            cells[i].metadata = NotebookNode()
            if not answer and not (_is_given(model) and _differs(cells[i], model)):
                drop.add(i)
        which = "the last one that can run counts" if answer else "one was kept"
        notes.append(f"The cell `{grade_id}` was there {len(copies)} times; {which}.")
    return [cell for i, cell in enumerate(cells) if i not in drop]


def _given_as_they_were(
    cells: Sequence[NotebookNode], expected: dict[str, NotebookNode], notes: list[str]
) -> list[NotebookNode]:
    """Give each given cell the text of the source; what the learner made of it runs before it, as their own cell."""
    restored: list[NotebookNode] = []
    for cell in cells:
        grade_id = _grade_id(cell)
        model = None if grade_id is None else expected[grade_id]
        if model is not None and _is_given(model) and _differs(cell, model):
            kept = bool(cell.source.strip()) and cell.cell_type == model.cell_type
            if kept:
                own = copy.deepcopy(cell)
                own.metadata, own.id = NotebookNode(), f"{grade_id}-own"
                restored.append(own)
            cell.source = model.source
            beside = "; your version runs before it" if kept else ""
            notes.append(f"The cell `{grade_id}` had been changed; it was restored{beside}.")
        restored.append(cell)
    return restored


def _add_missing(cells: list[NotebookNode], expected: dict[str, NotebookNode], notes: list[str]) -> None:
    """Insert each missing cell after the one that precedes it in the source."""
    before: str | None = None
    for grade_id, model in expected.items():
        if not any(_grade_id(cell) == grade_id for cell in cells):
            cell = copy.deepcopy(model)
            answer = bool(model.metadata.nbgrader.get("solution"))
            if not _is_given(model):
                cell.source = _empty_answer(cell) if answer else ""  # a test's source comes from the gradebook
            place = next((i + 1 for i, c in enumerate(cells) if before is not None and _grade_id(c) == before), 0)
            cells.insert(place, cell)
            counts = "it counts as not done" if answer else "it was put back"
            notes.append(f"The cell `{grade_id}` was missing; {counts}.")
        before = grade_id


def _tests_after_answers(cells: list[NotebookNode], expected: dict[str, NotebookNode], notes: list[str]) -> None:
    """Move a locked cell that stands before its predecessor in the source to the place after it."""
    before: str | None = None
    for grade_id, model in expected.items():
        if before is not None and not model.metadata.nbgrader.get("solution"):
            here = next(i for i, cell in enumerate(cells) if _grade_id(cell) == grade_id)
            there = next(i for i, cell in enumerate(cells) if _grade_id(cell) == before)
            if here < there:
                cells.insert(there, cells.pop(here))
                notes.append(f"The cell `{grade_id}` stood before `{before}`; it was moved after it.")
        before = grade_id


def _is_given(model: NotebookNode) -> bool:
    """Whether a cell of the source belongs to every notebook as it stands: locked, no points, no solution."""
    about = model.metadata.nbgrader
    return bool(about.get("locked")) and not any(about.get(key) for key in ("grade", "solution", "task"))


def _differs(cell: NotebookNode, model: NotebookNode) -> bool:
    """Whether the text differs by more than blanks at the ends of lines."""
    ours, theirs = ([line.rstrip() for line in c.source.strip().splitlines()] for c in (model, cell))
    return ours != theirs


def _tags(cell: NotebookNode) -> list[str]:
    tags = cell.metadata.get("tags")
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _grade_id(cell: NotebookNode) -> str | None:
    grader = cell.metadata.get("nbgrader")
    grade_id = grader.get("grade_id") if isinstance(grader, dict) else None
    return grade_id if isinstance(grade_id, str) else None


def _finished(cell: NotebookNode) -> bool:
    """Whether an answer is neither empty nor a stub nor unreadable Python."""
    if not cell.source.strip() or "raise NotDone(" in cell.source:
        return False
    if cell.cell_type == "code":
        try:
            ast.parse("\n".join(line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!"))))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _changed(cell: NotebookNode, model: NotebookNode) -> bool:
    """Whether flags, points, type or tags that matter differ from the source (a checksum may)."""
    ours, theirs = model.metadata.nbgrader, cell.metadata.nbgrader
    keys = ("grade", "solution", "locked", "task", "points")
    defaults = {"points": 0}
    values = [tuple(n.get(key, defaults.get(key, False)) for key in keys) for n in (ours, theirs)]
    tags = [set(_tags(c)) for c in (model, cell)]
    return values[0] != values[1] or cell.cell_type != model.cell_type or bool(tags[1] - tags[0])


def _empty_answer(cell: NotebookNode) -> str:
    return STUB if cell.cell_type == "code" else ""


def _as_type(cell: NotebookNode, cell_type: str) -> None:
    if cell.cell_type == cell_type:
        return
    cell.cell_type = cell_type
    if cell_type == "code":
        cell.outputs, cell.execution_count = [], None
        cell.pop("attachments", None)
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def _unique_ids(nb: NotebookNode) -> None:
    seen: set[str] = set()
    for number, cell in enumerate(nb.cells):
        wanted = cell.get("id")
        if not isinstance(wanted, str) or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", wanted) or wanted in seen:
            wanted = f"cell-{number}"
            while wanted in seen:
                wanted += "x"
        cell.id = wanted
        seen.add(wanted)
