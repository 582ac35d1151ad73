"""A course in miniature: one lab of three small questions, so that a whole class is graded in seconds."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]
LAB = "lab00_mini"

SECRET_IN_TESTS = "kingfisher_7431"
"""A word of the hidden tests that no student may ever see."""

HIDDEN = f'''"""Hidden tests of the lab in miniature."""

import probes
import torch

NAMES = {{"half": ("half",), "descent": ("Descent",)}}
REFUSED = {{"descent": ("torch.optim", "torch._fused_*", "torch.nn.utils.clip_grad")}}


def test_half__is_half(student, rng):
    {SECRET_IN_TESTS} = torch.from_numpy(rng.normal(size=(3, 2)))
    assert torch.equal(student.call("half", {SECRET_IN_TESTS}), {SECRET_IN_TESTS} / 2), "wrong value"


def test_half__leaves_its_input_alone(student, rng):
    x = torch.from_numpy(rng.normal(size=4))
    student.call("half", x)
    assert torch.equal(student.arguments[0], x), "the input was changed in place"


def test_descent__follows_the_gradient(student, rng):
    start, gradient = rng.normal(size=3), rng.normal(size=3)
    end = student.probe(probes.one_step, start, gradient, lr=0.5)
    torch.testing.assert_close(torch.from_numpy(end), torch.from_numpy(start - 0.5 * gradient))
'''

PROBES = '''"""Probes of the lab in miniature."""

import torch


def one_step(student, start, gradient, **kwargs):
    w = torch.tensor(start, requires_grad=True)
    optimizer = student["Descent"]([w], **kwargs)
    w.grad = torch.tensor(gradient)
    optimizer.step()
    return w.detach().numpy()
'''

SOLUTION = {
    "half": "def half(x):\n    return x / 2",
    "descent": (
        "class Descent:\n"
        "    def __init__(self, params, lr):\n        self.params, self.lr = list(params), lr\n\n"
        "    def step(self):\n        with torch.no_grad():\n"
        "            for p in self.params:\n                p -= self.lr * p.grad"
    ),
}
VISIBLE = {
    "half": "assert half(4.0) == 2.0, 'half(4.0) should be 2.0'",
    "descent": "assert Descent([torch.ones(1)], lr=0.1).lr == 0.1, 'lr is not kept'",
}
POINTS = {"half_visible": 2, "half_hidden": 3, "descent_visible": 4, "descent_hidden": 6, "why": 5}


def graded_cell(make, source, grade_id, **flags):
    cell = make(source, id=grade_id)
    cell.metadata.nbgrader = {
        "grade": False,
        "solution": False,
        "locked": False,
        "task": False,
        "schema_version": 3,
        "grade_id": grade_id,
    } | flags
    if grade_id in POINTS:
        cell.metadata.nbgrader.points = POINTS[grade_id]
    return cell


def source_notebook():
    """The nbgrader source of the lab in miniature."""
    cells = [
        new_markdown_cell("# Lab 00: the lab in miniature", id="title"),
        graded_cell(new_code_cell, "import torch\nfrom nnutils.checks import NotDone", "imports", locked=True),
    ]
    for question, solution in SOLUTION.items():
        text = f"### BEGIN SOLUTION\n{solution}\n### END SOLUTION"
        hidden = (
            "### BEGIN HIDDEN TESTS\nfrom autograder.hidden import run_hidden\n"
            f'run_hidden("{question}", globals())\n### END HIDDEN TESTS'
        )
        experiment = new_code_cell("raise RuntimeError('an experiment was run')", id=f"{question}_experiment")
        experiment.metadata.tags = ["experiment", "raises-exception"]
        cells += [
            graded_cell(new_code_cell, text, question, solution=True),
            graded_cell(new_code_cell, VISIBLE[question], f"{question}_visible", grade=True, locked=True),
            graded_cell(new_code_cell, hidden, f"{question}_hidden", grade=True, locked=True),
            experiment,
        ]
    cells.append(graded_cell(new_markdown_cell, "**Model answer.** Because.", "why", grade=True, solution=True))
    nb = new_notebook(cells=cells)
    nb.metadata.kernelspec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nb.nbformat_minor = 5
    return nb


def submission(answers=None, written="Because it is so."):
    """The notebook of a student: the release with these answers (the solution where none is given)."""
    nb = source_notebook()
    answers = SOLUTION | (answers or {})
    for cell in nb.cells:
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if grade_id in answers:
            cell.source = answers[grade_id]
        elif grade_id == "why":
            cell.source = written
        elif grade_id.endswith("_hidden"):
            cell.source = ""
    return nb


def hand_in(grading, student, nb):
    """Put a submission (notebook, or the bytes of a file) where the grader looks for it."""
    path = grading / "submitted" / student / LAB / f"{LAB}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(nb if isinstance(nb, bytes) else nbformat.writes(nb).encode())
    return path


def make_course(root):
    """Write the course in miniature into a folder, with the real nbgrader configuration."""
    lab = root / "solutions" / LAB
    (lab / "answers").mkdir(parents=True)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    with (root / "nbgrader_config.py").open("a") as file:
        file.write("c.Execute.timeout = 12\n")
        file.write("from autograder.sandbox import Limits\nc.ExecuteApart.limits = Limits(cell=12, total=90)\n")
    nbformat.write(source_notebook(), lab / f"{LAB}.ipynb")
    (lab / "hidden_tests.py").write_text(HIDDEN)
    (lab / "probes.py").write_text(PROBES)
    (lab / "answers" / "half__doubled.py").write_text('"""Mistake: doubled"""\ndef half(x): return 2 * x\n')
    return root


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    """Keep each test from the settings of the course around it, and from those of the test before."""
    for name in ("COURSE_GRADING", "COURSE_SOLUTIONS", "COURSE_LAB", "COURSE_STUDENT", "COURSE_SEED", "COURSE_SECRET"):
        monkeypatch.setenv(name, "x")  # so that it is restored afterwards
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    """The course in miniature; tests do not change it."""
    return make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="session")
def lab(course):
    return course / "solutions" / LAB
