"""A sample class of eight: what teachers meet in a real one, with the marks that each must get.

The submissions are made from the lab's release, its solution and its ``answers/``, the same at every run, so that
grading them shows whether the whole way from a submitted file to ``grades.csv`` is right.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.feedback import question_of
from autograder.gradebook import Row
from autograder.release import generate
from autograder.seeds import OPEN_SECRET
from autograder.settings import CourseError

__all__ = ["STUDENTS", "Submission", "disagreements", "intended", "make"]

MARKER = ".sample-class"
"""A file that says: this folder holds a sample class and may be replaced."""


@dataclass(frozen=True)
class Submission:
    """How one sample student answers a lab.

    ``answers`` names, for some questions, a file of ``answers/`` without ``.py``; ``solved`` lists the questions that
    are answered at all (None: every one). ``lost`` holds the cells whose points are lost by intention.
    """

    answers: Mapping[str, str] = field(default_factory=dict)
    solved: tuple[str, ...] | None = None
    lost: tuple[str, ...] = ()
    damage: str = ""
    status: str = "ok"


def _cells(*questions: str) -> tuple[str, ...]:
    return tuple(f"{question}_{part}" for question in questions for part in ("visible", "hidden"))


def _mistaken(*wrong: str) -> Submission:
    """Return a submission with these files of ``answers/wrong``; their questions lose their points, and no other."""
    answers = {name.partition("__")[0]: f"wrong/{name}" for name in wrong}
    return Submission(answers=answers, lost=_cells(*answers))


STUDENTS: dict[str, dict[str, Submission]] = {
    "lab02_backprop": {
        "ada": Submission(),
        "blaise": _mistaken("dense_backward__bias_mean", "softmax_cross_entropy_backward__no_mean", "value__assigned"),
        "carl": Submission(solved=()),
        "dorothy": _mistaken("softmax_cross_entropy_backward__no_mean", "value__assigned"),
        "emmy": Submission(damage="exit:train_by_hand", lost=_cells("train_by_hand"), status="crashed"),
        "felix": _mistaken("softmax_cross_entropy_backward__no_mean", "mlp_backward__autograd"),
        "grace": Submission(damage="cut off", status="malformed"),
        "henri": Submission(
            answers={
                "value": "right/value__tape_of_numbers",
                "mlp_backward": "right/mlp_backward__recursion",
            },
            damage="cells:dense_backward_hidden",
            status="repaired",
        ),
    },
    "lab03_activations": {
        "ada": Submission(),
        "blaise": _mistaken("activations__tanh_minus_sign", "fractions__dead_is_silent", "gradient_norms__backward"),
        "carl": Submission(solved=("activations", "fractions")),
        "emmy": Submission(
            answers={
                "activations": "right/activations__masks_and_maximum",
                "fractions": "right/fractions__numpy",
                "gradient_norms": "right/gradient_norms__on_a_copy",
            }
        ),
        "felix": Submission(damage="exit:gradient_norms", lost=_cells("gradient_norms"), status="crashed"),
    },
    "lab04_initialization": {
        "ada": Submission(),
        "blaise": _mistaken("fillers__variance_for_std", "initialize__bias_left", "activation_statistics__hooks_left"),
        "carl": Submission(solved=("fan_in_and_fan_out", "gain", "written_symmetry")),
        "emmy": Submission(
            answers={
                "fillers": "right/fillers__one_function",
                "activation_statistics": "right/activation_statistics__exit_stack",
                "initialize": "right/initialize__apply",
                "symmetry_gap": "right/symmetry_gap__functional",
            }
        ),
        "felix": Submission(damage="exit:symmetry_gap", lost=_cells("symmetry_gap"), status="crashed"),
    },
    "lab05_optimizers": {
        "ada": Submission(),
        "blaise": Submission(solved=()),
        "carl": Submission(solved=("sgd", "clip_grad_norm", "schedules")),
        "dorothy": _mistaken("adam__no_bias_correction", "clip_grad_norm__each_tensor_by_itself"),
        "emmy": Submission(
            answers={
                "sgd": "right/sgd__foreach",
                "adagrad": "right/adagrad__numpy",
                "schedules": "right/schedules__loops",
            }
        ),
        "felix": Submission(damage="exit:rmsprop", lost=_cells("rmsprop"), status="crashed"),
        "grace": Submission(damage="cells:adagrad_hidden", status="repaired"),
        "henri": Submission(damage="cut off", status="malformed"),
    },
    "lab06_regularization": {
        "ada": Submission(),
        "blaise": _mistaken("dropout__not_scaled", "early_stopping__no_copy", "split__not_stratified"),
        "carl": Submission(solved=("penalties", "dropout", "mixup")),
        "emmy": Submission(
            answers={
                "dropout": "right/dropout__bernoulli",
                "early_stopping": "right/early_stopping__history",
                "augmentation": "right/augmentation__roll_and_clear",
            }
        ),
        "grace": Submission(damage="cells:mixup_hidden", status="repaired"),
    },
}
"""The students of each lab that has a sample class: eight, or for some labs five of them."""

_WRITTEN = {
    "lab02_backprop": {
        "written_step": "The error of the formula falls with h squared, that of rounding with 1/h; 1e-5 lies between.",
        "written_engine": "A value that is used twice gets a gradient from each use, and these add up.",
    },
    "lab03_activations": {
        "written_dead": "A dead unit is 0 for every sample, so its slope is 0 and none of its weights gets a gradient.",
        "written_depth": "Each sigmoid layer multiplies by a slope of at most a quarter: ten leave a millionth.",
    },
    "lab04_initialization": {
        "written_depth": "Each ReLU layer halves the mean square, so 30 of them leave 2 ** -15 of the size.",
        "written_symmetry": "Equal units get equal gradients; only dropout tells them apart. Zeros stop all gradients.",
    },
    "lab05_optimizers": {
        "written_decay": "The decay of AdamW does not pass through the division by the square root, so it acts alike.",
        "written_rate": "A tenth of the rate at which the loss is lowest, because there it still falls steeply.",
    },
    "lab06_regularization": {
        "written_modes": "In evaluation mode no unit is dropped, so that sums are as large as on average in training.",
        "written_gap": "Noise makes a wrong label dear, since the rows around it say otherwise.",
    },
}
"""A written answer for each question that a person grades."""


def make(labs: Sequence[str], out: Path, *, root: Path) -> None:
    """Write the submissions of the sample class to ``out/submitted/<student>/<lab>/<lab>.ipynb``.

    Its secret is the open one, so that its inputs, and the ids of an anonymous report, are the same everywhere.

    Raises
    ------
    CourseError
        When a lab has no sample class, or ``out`` holds something else.
    """
    students = {lab: _students(lab) for lab in labs}
    if out.exists() and any(out.iterdir()) and not (out / MARKER).exists():
        raise CourseError(f"{out.name} holds other files; choose an empty folder for the sample class")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / MARKER).write_text("python -m autograder sample replaces this folder\n")
    (out / "secret").write_text(OPEN_SECRET)
    with tempfile.TemporaryDirectory() as folder:
        generate(list(labs), folder, root=root)
        for lab in labs:
            source, answers = _source(lab, root), root / "solutions" / lab / "answers"
            release = nbformat.read(Path(folder) / lab / f"{lab}.ipynb", as_version=4)
            for student, submission in students[lab].items():
                path = out / "submitted" / student / lab / f"{lab}.ipynb"
                path.parent.mkdir(parents=True)
                path.write_text(_notebook(submission, release, source, answers), encoding="utf-8")


def intended(lab: str, *, root: Path) -> dict[str, tuple[dict[str, float | None], str]]:
    """Return for each student the marks of every question (None: a person has to grade it) and the status."""
    source = _source(lab, root)
    plan = {}
    for student, submission in _students(lab).items():
        marks: dict[str, float | None] = {}
        for cell in source.cells:
            about = cell.metadata.get("nbgrader", {})
            if not about.get("grade"):
                continue
            question, written = question_of(about["grade_id"]), bool(about.get("solution"))
            solved = submission.solved is None or question in submission.solved
            if submission.status == "malformed" or (written and solved):
                marks[question] = None
                continue
            got = about["points"] if solved and not written and about["grade_id"] not in submission.lost else 0
            marks[question] = (marks.get(question) or 0.0) + float(got)
        plan[student] = (marks, submission.status)
    return plan


def disagreements(lab: str, rows: list[Row], *, root: Path) -> list[str]:
    """Return one sentence for each mark or status that is not the intended one."""
    found, graded = [], {row.student: row for row in rows}
    for student, (marks, status) in intended(lab, root=root).items():
        row = graded.get(student)
        if row is None:
            found.append(f"{student} has no row")
            continue
        if row.status != status:
            found.append(f"{student}: status {row.status}, intended {status}")
        found += [
            f"{student}, {question}: {row.questions.get(question)} points, intended {mark}"
            for question, mark in marks.items()
            if row.questions.get(question) != mark
        ]
    return found


def _students(lab: str) -> dict[str, Submission]:
    if lab not in STUDENTS:
        raise CourseError(f"no sample class for the lab {lab!r}; known: {', '.join(STUDENTS)}")
    return STUDENTS[lab]


def _source(lab: str, root: Path) -> NotebookNode:
    return nbformat.read(root / "solutions" / lab / f"{lab}.ipynb", as_version=4)


def _notebook(submission: Submission, release: NotebookNode, source: NotebookNode, answers: Path) -> str:
    """Return the text of a student's notebook file."""
    nb = nbformat.from_dict(json.loads(json.dumps(release)))
    solutions = {_id(cell): cell.source for cell in source.cells if _is_solution(cell)}
    kind, _, where = submission.damage.partition(":")
    for cell in nb.cells:
        if not _is_solution(cell) or (submission.solved is not None and _id(cell) not in submission.solved):
            continue
        if _id(cell) in submission.answers:
            cell.source = _answer(answers / f"{submission.answers[_id(cell)]}.py")
        elif cell.cell_type == "markdown":
            cell.source = _WRITTEN[answers.parent.name][_id(cell)]
        else:
            cell.source = re.sub(r"(?m)^[ \t]*#+ *(BEGIN|END) SOLUTION[^\n]*\n?", "", solutions[_id(cell)])
        if kind == "exit" and _id(cell) == where:
            cell.source = f"import os\n\n{cell.source}\n\nos._exit(1)  # left from an experiment"
    if kind == "cells":
        _damage(nb, where)
    text = nbformat.writes(nb)
    return text[: len(text) // 2] if kind == "cut off" else text


def _damage(nb: NotebookNode, missing: str) -> None:
    """Delete a test cell, duplicate the answer before it, and tag another test to be skipped."""
    index = next(i for i, cell in enumerate(nb.cells) if _id(cell) == question_of(missing))
    copy = nbformat.from_dict(json.loads(json.dumps(nb.cells[index])))
    copy.id = "pasted-copy"
    nb.cells.insert(index, copy)
    nb.cells = [cell for cell in nb.cells if _id(cell) != missing]
    test = next(cell for cell in nb.cells if _id(cell).endswith("_hidden"))
    test.metadata.tags = ["skip-execution"]


def _answer(path: Path) -> str:
    if not path.exists():
        raise CourseError(f"the sample class needs the answer {path.parent.name}/{path.name}")
    return re.sub(r'\A(?:""".*?""")\s*', "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def _is_solution(cell: NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _id(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
