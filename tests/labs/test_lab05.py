"""Lab 05 is proven both ways: wrong answers lose marks with a message that names the mistake, right ones keep all."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from autograder.grade import question_results, questions
from autograder.student import InProcess, Student, Subprocess
from nnutils.checks import NotDone

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "solutions" / "lab05_optimizers"
NOTEBOOK = nbformat.read(LAB / "lab05_optimizers.ipynb", 4)
CELLS = {cell.id: cell for cell in NOTEBOOK.cells}
QUESTIONS = list(questions(LAB))
FIRST_CELLS = [CELLS["imports"].source, CELLS["helpers"].source]


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


def answers(kind: str, question: str) -> list[Answer]:
    return [Answer(path) for path in sorted((LAB / "answers" / kind).glob(f"{question}__*.py"))]


class ReusedProcess(Subprocess):
    """One second process for all answers: PyTorch starts once, each answer gets the names of a fresh notebook."""

    def turn_to(self, cells: list[str]) -> None:
        self.begin("", lab=Path(__file__).parent)
        self._ask("probe", "replace_names", (cells,), {})
        self._cells = cells


@pytest.fixture(scope="module")
def process() -> Iterator[ReusedProcess]:
    with ReusedProcess("", timeout=60) as process:
        yield process


def transported(how: str, cells: list[str], process: ReusedProcess) -> Student:
    if how == "in process":
        return InProcess.from_source(cells)
    process.turn_to(cells)
    return process


def hidden_messages(question: str, student: Student) -> list[str]:
    return [f"{r.name}: {r.message}" for r in question_results(LAB, question, student) if not r.passed]


def visible_message(question: str, source: str) -> str:
    """Return what the visible test says about an answer; nothing when it passes."""
    namespace: dict[str, object] = {}
    student = InProcess.from_source([*FIRST_CELLS, source])
    namespace.update(student._namespace)
    try:
        exec(CELLS[f"{question}_visible"].source, namespace)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.parametrize("how", ["in process", "second process"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_wrong_answer_is_caught_and_every_right_one_kept(question, how, process, capsys):
    wrong, right = answers("wrong", question), answers("right", question)
    assert len(wrong) >= 6
    assert len(right) >= 2
    slipped, lost = [], []
    seen = 0
    for answer in wrong:
        assert answer.expected, f"{answer.path.name} has no line `Expect: ...`"
        messages = hidden_messages(question, transported(how, [*FIRST_CELLS, answer.source], process))
        if not any(answer.expected in message for message in messages):
            slipped.append(f"{answer.path.name}: expected {answer.expected!r}, got {messages}")
        seen += bool(visible_message(question, answer.source))
    for answer in right:
        messages = hidden_messages(question, transported(how, [*FIRST_CELLS, answer.source], process))
        if said := visible_message(question, answer.source):
            messages.append(f"visible: {said}")
        if messages:
            lost.append(f"{answer.path.name}: {messages}")
    with capsys.disabled():
        print(
            f"\n{question} ({how}): wrong answers caught {len(wrong) - len(slipped)}/{len(wrong)} "
            f"({seen} by the visible test too), right answers kept {len(right) - len(lost)}/{len(right)}",
            end="",
        )
    assert not slipped + lost, "\n".join(slipped + lost)
