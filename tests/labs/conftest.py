"""The labs as the tests see them, and two ways to the code of an answer."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from autograder.grade import question_results, questions
from autograder.sandbox import Limits
from autograder.student import InProcess, Sandboxed, Student
from autograder.worker import silence

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Answer:
    """A file under ``answers/``: what it is, and for a wrong one a fragment of the message that it must meet."""

    path: Path

    @property
    def source(self) -> str:
        return self.path.read_text()

    @property
    def expected(self) -> str:
        found = re.search(r"^Expect: (.+)$", self.source, re.MULTILINE)
        return found[1].strip() if found else ""


class Lab:
    """A lab under ``solutions/``: its cells by id, its questions, and what the tests say about a source."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.name = folder, folder.name

    @cached_property
    def notebook(self) -> NotebookNode:
        return nbformat.read(self.folder / f"{self.name}.ipynb", 4)

    @cached_property
    def cells(self) -> dict[str, NotebookNode]:
        return {cell.id: cell for cell in self.notebook.cells}

    @cached_property
    def questions(self) -> dict[str, tuple[str, ...]]:
        """The questions, and the names that a learner defines in each."""
        return questions(self.folder)

    @cached_property
    def given(self) -> list[str]:
        """The ids of the locked cells that are neither tests nor answers."""
        about = {cell.id: cell.metadata.get("nbgrader", {}) for cell in self.notebook.cells}
        return [
            name for name, it in about.items() if it.get("locked") and not it.get("grade") and not it.get("solution")
        ]

    @property
    def first_cells(self) -> list[str]:
        """The source of the given cells, but for the one that installs the package."""
        return [self.cells[name].source for name in self.given if name != "install"]

    @property
    def solved(self) -> list[str]:
        """The source of the given cells and of all answers."""
        return [*self.first_cells, *(self.cells[question].source for question in self.questions)]

    def answers(self, kind: str, question: str) -> list[Answer]:
        return [Answer(path) for path in sorted((self.folder / "answers" / kind).glob(f"{question}__*.py"))]

    def hidden_messages(self, question: str, student: Student, only: Collection[str] = ()) -> list[str]:
        results = question_results(self.folder, question, student, only=only)
        return [f"{r.name}: {r.message}" for r in results if not r.passed]

    def visible_message(self, question: str, source: str) -> str:
        """Return what the visible test says about an answer, the others being right; nothing when it passes."""
        namespace = InProcess.from_source([*self.solved, source])._namespace
        try:
            with silence():
                exec(self.cells[f"{question}_visible"].source, namespace)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""


LABS = [Lab(path) for path in sorted((ROOT / "solutions").glob("lab*"))]
QUESTIONS = [(lab, question) for lab in LABS for question in lab.questions]


class ReusedProcess(Sandboxed):
    """One sandbox for all answers: PyTorch starts once, each answer gets the names of a fresh notebook."""

    def turn_to(self, cells: list[str]) -> None:
        self.begin("", lab=Path(__file__).parent)
        self._ask("probe", "replace_names", (cells,), {})
        self._cells = cells


@pytest.fixture(scope="session")
def process() -> Iterator[ReusedProcess]:
    limits = Limits(cpu=7200, total=7200.0)
    with ReusedProcess("", limits=limits, labs=[Path(__file__).parent, *(lab.folder for lab in LABS)]) as process:
        yield process


def transported(how: str, cells: list[str], process: ReusedProcess) -> Student:
    if how == "in process":
        return InProcess.from_source(cells)
    process.turn_to(cells)
    return process


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each lab to a test that asks for ``lab``, and each question to one that asks for ``question`` too."""
    if {"lab", "question"} <= set(metafunc.fixturenames):
        ids = [f"{lab.name.partition('_')[0]}-{question}" for lab, question in QUESTIONS]
        metafunc.parametrize(("lab", "question"), QUESTIONS, ids=ids, scope="session")
    elif "lab" in metafunc.fixturenames:
        metafunc.parametrize("lab", LABS, ids=[lab.name for lab in LABS], scope="session")
