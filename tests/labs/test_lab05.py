"""Lab 05 is proven both ways: wrong answers lose marks with a message that names the mistake, right ones keep all."""

import doctest
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from autograder.grade import failure_lines, question_results, questions
from autograder.release import generate, leaks
from autograder.student import InProcess, Student, Subprocess
from autograder.worker import silence

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


NOT_DONE = r"Not done yet: [A-Za-z_.]+\. Replace the line `raise NotDone\(\.\.\.\)` with your solution .*"


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
    namespace = InProcess.from_source([*FIRST_CELLS, source])._namespace
    try:
        with silence():
            exec(CELLS[f"{question}_visible"].source, namespace)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


@pytest.mark.filterwarnings("ignore::UserWarning")  # answers may warn
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
        if how == "in process":
            seen += bool(visible_message(question, answer.source))
    for answer in right:
        messages = hidden_messages(question, transported(how, [*FIRST_CELLS, answer.source], process))
        if how == "in process" and (said := visible_message(question, answer.source)):
            messages.append(f"visible: {said}")
        if messages:
            lost.append(f"{answer.path.name}: {messages}")
    with capsys.disabled():
        print(
            f"\n{question}: wrong answers caught {len(wrong) - len(slipped)}/{len(wrong)}, "
            f"right answers kept {len(right) - len(lost)}/{len(right)} ({how}"
            + (f"; the visible test catches {seen} of the wrong ones)" if how == "in process" else ")"),
            end="",
        )
    assert not slipped + lost, "\n".join(slipped + lost)


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> nbformat.NotebookNode:
    """The untouched release, made afresh and run as "Run all" would."""
    folder = generate([LAB.name], tmp_path_factory.mktemp("labs"), root=ROOT)[0]
    assert [path.name for path in folder.iterdir()] == [f"{LAB.name}.ipynb"]
    notebook = nbformat.read(folder / f"{LAB.name}.ipynb", 4)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources=resources).execute()
    return notebook


def test_the_solution_passes_every_hidden_and_visible_test(process):
    cells = [*FIRST_CELLS, *(CELLS[question].source for question in QUESTIONS)]
    for how in ("in process", "second process"):
        student = transported(how, cells, process)
        for question in QUESTIONS:
            assert hidden_messages(question, student) == []
    for question in QUESTIONS:
        assert visible_message(question, CELLS[question].source) == ""


def test_the_stored_outputs_of_the_solution_hold_no_error():
    for cell in NOTEBOOK.cells:
        for output in cell.get("outputs", []):
            assert output.output_type not in ("error", "stream"), f"{cell.id}: {output}"


def test_every_question_has_its_three_cells_and_an_experiment():
    for question in QUESTIONS:
        solution, visible, hidden = (CELLS[f"{question}{part}"] for part in ("", "_visible", "_hidden"))
        assert solution.metadata.nbgrader.solution
        assert not solution.metadata.nbgrader.grade
        for test in (visible, hidden):
            assert test.metadata.nbgrader.grade
            assert test.metadata.nbgrader.locked
            assert not test.metadata.nbgrader.solution
        assert visible.metadata.tags == ["raises-exception"]
        assert CELLS[f"{question}_experiment"].metadata.tags == ["experiment", "raises-exception"]
        region = hidden.source.split("### BEGIN HIDDEN TESTS\n")[1].split("\n### END HIDDEN TESTS")[0]
        call = f'run_hidden("{question}", globals())'
        assert [line for line in region.splitlines() if line] == ["from autograder.hidden import run_hidden", call]


def test_the_cells_whose_names_the_tests_use_are_locked(release):
    """The repair restores locked cells: visible tests then find their imports whatever a learner did to them."""
    released = {cell.id: cell for cell in release.cells}
    for name in ("install", "imports", "helpers"):
        about = CELLS[name].metadata.nbgrader
        assert about.locked
        assert not about.grade
        assert not about.solution
        assert about.grade_id == name
        assert released[name].source == CELLS[name].source
        assert released[name].metadata.editable is released[name].metadata.deletable is False


def test_the_points_sum_to_100_and_are_stated_in_the_text():
    points = {c.id: c.metadata.nbgrader.points for c in NOTEBOOK.cells if c.metadata.get("nbgrader", {}).get("grade")}
    assert sum(points.values()) == 100
    for question in QUESTIONS:
        visible, hidden = points[f"{question}_visible"], points[f"{question}_hidden"]
        stated = f"({visible + hidden} points: visible {visible}, hidden {hidden})"
        assert stated in CELLS[f"{question}_task"].source
    for written in set(points) - {f"{q}_{part}" for q in QUESTIONS for part in ("visible", "hidden")}:
        assert f"({points[written]} points)" in CELLS[f"{written}_task"].source


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_examples_in_the_docstrings_hold(question):
    namespace: dict[str, object] = {}
    for source in (*FIRST_CELLS, CELLS[question].source):
        exec(source, namespace)
    runner = doctest.DocTestRunner(verbose=False)
    tests = [
        test
        for name in questions(LAB)[question]
        for test in doctest.DocTestFinder(recurse=False).find(namespace[name], name, globs=namespace, module=False)
    ]
    assert all(test.examples for test in tests)
    for test in tests:
        report: list[str] = []
        assert runner.run(test, out=report.append).failed == 0, "".join(report)


def test_the_signatures_are_those_that_the_tests_rely_on():
    """The first lines of each question's cell: name, order and defaults."""
    namespace: dict[str, object] = {}
    for source in (*FIRST_CELLS, *(CELLS[question].source for question in QUESTIONS)):
        exec(source, namespace)
    expected = {
        "SGD": "(params, lr, momentum=0.0, nesterov=False, weight_decay=0.0)",
        "Adagrad": "(params, lr=0.01, eps=1e-10)",
        "RMSprop": "(params, lr=0.01, alpha=0.99, eps=1e-08)",
        "Adam": "(params, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0)",
        "AdamW": "(params, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01)",
        "clip_grad_norm": "(parameters, max_norm)",
        "exponential_decay": "(t, lr0, k)",
        "inverse_time_decay": "(t, lr0, k)",
        "cosine_with_warmup": "(t, lr_max, warmup, total, lr_min=0.0)",
        "cyclical": "(t, lr_min, lr_max, half_cycle)",
        "learning_rate_range_test": "(model, batches, lrs)",
    }
    names = [name for question in QUESTIONS for name in questions(LAB)[question]]
    assert names == list(expected)
    for name in names:
        signature = inspect.signature(namespace[name])
        assert all(p.annotation is not p.empty for p in signature.parameters.values())
        bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        assert str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty)) == expected[name]


def test_the_untouched_release_runs_to_its_end_with_one_friendly_line_per_cell(release):
    codes = [cell for cell in release.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in codes] == list(range(1, len(codes) + 1))
    for cell in codes:
        errors = [output for output in cell.outputs if output.output_type == "error"]
        for error in errors:
            assert len(error.traceback) == 1, cell.id
            assert re.fullmatch(NOT_DONE, error.traceback[0]), f"{cell.id}: {error.traceback}"
        if cell.id.endswith("_visible"):
            assert [output.output_type for output in cell.outputs] == ["error"]
        if not {"raises-exception"} & set(cell.metadata.get("tags", [])):
            assert not errors, cell.id


def test_the_untouched_release_gets_nothing(release, process):
    cells = [cell.source for cell in release.cells if cell.cell_type == "code" and not cell.id.endswith("_slider")]
    student = InProcess.from_source(cells[1:])
    for question in QUESTIONS:
        results = question_results(LAB, question, student)
        assert not any(result.passed for result in results)
        (line,) = failure_lines(results)
        assert re.fullmatch(NOT_DONE, line)


def test_the_release_gives_nothing_away(release, tmp_path):
    folder = tmp_path / "labs" / LAB.name
    folder.mkdir(parents=True)
    for cell in release.cells:
        cell.outputs = [] if cell.cell_type == "code" else None
        if cell.cell_type == "markdown":
            del cell["outputs"]
    nbformat.write(release, folder / f"{LAB.name}.ipynb")
    assert leaks(folder.parent, solutions=LAB.parent) == []
    text = "\n".join(cell.source for cell in release.cells)
    for secret in ("Rubric", "Model answer", "run_hidden", "SOLUTION", "HIDDEN"):
        assert secret not in text


def test_a_visible_test_that_is_answered_wrongly_says_so_in_one_sentence():
    """The planted fault of the visible half: the message ends in the mistake, and holds no number but a difference."""
    answer = (LAB / "answers/wrong/adam__correction_without_power.py").read_text()
    message = visible_message("adam", answer)
    assert message.startswith("WrongAnswer: Adam after three steps")
    assert "tensor(" not in message
