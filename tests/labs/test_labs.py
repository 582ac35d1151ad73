"""Every lab is proven both ways: wrong answers lose marks and are told their mistake, right ones keep all."""

import copy
import doctest
import inspect
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from autograder.grade import failure_lines, question_results
from autograder.release import generate, leaks
from autograder.student import InProcess
from tests.labs.conftest import ROOT, transported

NOT_DONE = r"Not done yet: [A-Za-z0-9_.]+\. Replace the line `raise NotDone\(\.\.\.\)` with your solution .*"

SIGNATURES = {
    "lab02_backprop": {
        "numerical_gradient": "(f, x, h=1e-05)",
        "dense_backward": "(grad_out, X, W)",
        "relu_backward": "(grad_out, z)",
        "sigmoid_backward": "(grad_out, z)",
        "softmax_cross_entropy_backward": "(logits, targets)",
        "mlp_backward": "(X, targets, params)",
        "Value": "(data)",
        "train_by_hand": "(X, y, hidden, lr, epochs, batch_size, generator)",
    },
    "lab03_activations": {
        "relu": "(z)",
        "leaky_relu": "(z, slope=0.01)",
        "elu": "(z, alpha=1.0)",
        "tanh": "(z)",
        "gelu": "(z)",
        "activation_gradient": "(name, z)",
        "saturated_fraction": "(activations, low, high)",
        "dead_fraction": "(activations)",
        "gradient_norms": "(model, X, y)",
    },
    "lab04_initialization": {
        "fan_in_and_fan_out": "(shape)",
        "xavier_uniform_": "(tensor, gain=1.0, generator=None)",
        "xavier_normal_": "(tensor, gain=1.0, generator=None)",
        "he_uniform_": "(tensor, gain=1.4142135623730951, generator=None)",
        "he_normal_": "(tensor, gain=1.4142135623730951, generator=None)",
        "gain": "(nonlinearity, slope=0.01)",
        "activation_statistics": "(model, X)",
        "initialize": "(model, scheme, generator=None)",
        "symmetry_gap": "(model, X, y, lr, steps)",
    },
    "lab05_optimizers": {
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
    },
    "lab06_regularization": {
        "l1_penalty": "(parameters)",
        "l2_penalty": "(parameters)",
        "Dropout": "(p=0.5)",
        "EarlyStopping": "(patience, min_delta=0.0)",
        "split": "(X, y, fractions, generator)",
        "random_shift": "(images, max_pixels, generator)",
        "cutout": "(images, size, generator)",
        "mixup": "(X, Y, alpha, generator)",
        "minimize_gap": "(X_train, y_train, X_val, y_val, generator)",
    },
}
"""What the tests rely on: name, order and defaults of each question's parameters."""


_caught: dict[Path, str] = {}
"""For each wrong answer the property whose message named its mistake in this process."""


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")  # answers may warn
@pytest.mark.parametrize("how", ["in process", "sandbox"])
def test_every_wrong_answer_is_caught_and_every_right_one_kept(lab, question, how, process, record_property):
    """In the sandbox a wrong answer meets the one test that named its mistake, a right one meets all."""
    wrong, right = lab.answers("wrong", question), lab.answers("right", question)
    assert len(wrong) >= 6
    assert len(right) >= 2
    slipped, lost, seen = [], [], 0
    for answer in wrong:
        assert answer.expected, f"{answer.path.name} has no line `Expect: ...`"
        student = transported(how, [*lab.first_cells, answer.source], process)
        known = _caught.get(answer.path)
        messages = lab.hidden_messages(question, student, only=[known] if known and how == "sandbox" else ())
        told = [message for message in messages if answer.expected in message]
        if not told:
            slipped.append(f"{answer.path.name}: expected {answer.expected!r}, got {messages}")
        elif how == "in process":
            _caught[answer.path] = told[0].partition(":")[0]
            seen += bool(lab.visible_message(question, answer.source))
    for answer in right:
        messages = lab.hidden_messages(question, transported(how, [*lab.first_cells, answer.source], process))
        if how == "in process" and (said := lab.visible_message(question, answer.source)):
            messages.append(f"visible: {said}")
        if messages:
            lost.append(f"{answer.path.name}: {messages}")
    visible = f"; the visible test catches {seen} of the wrong ones" if how == "in process" else ""
    record_property(
        "answers",
        f"{lab.name}, {question}: wrong answers caught {len(wrong) - len(slipped)}/{len(wrong)}, "
        f"right answers kept {len(right) - len(lost)}/{len(right)} ({how}{visible})",
    )
    assert not slipped + lost, "\n".join(slipped + lost)


_executed: dict[str, nbformat.NotebookNode] = {}


@pytest.fixture
def release(lab, tmp_path_factory) -> nbformat.NotebookNode:
    """The untouched release, made afresh and run as "Run all" would."""
    if lab.name not in _executed:
        folder = generate([lab.name], tmp_path_factory.mktemp("labs"), root=ROOT)[0]
        assert [path.name for path in folder.iterdir()] == [f"{lab.name}.ipynb"]
        notebook = nbformat.read(folder / f"{lab.name}.ipynb", 4)
        resources = {"metadata": {"path": str(folder)}}
        NotebookClient(notebook, timeout=60, kernel_name="python3", resources=resources).execute()
        _executed[lab.name] = notebook
    return copy.deepcopy(_executed[lab.name])


@pytest.mark.parametrize("how", ["in process", "sandbox"])
def test_the_solution_passes_every_hidden_test(lab, how, process):
    student = transported(how, lab.solved, process)
    for question in lab.questions:
        assert lab.hidden_messages(question, student) == []


def test_the_solution_passes_its_visible_test(lab, question):
    assert lab.visible_message(question, "") == ""


def test_the_stored_outputs_of_the_solution_hold_no_error(lab):
    for cell in lab.notebook.cells:
        for output in cell.get("outputs", []):
            assert output.output_type != "error", f"{cell.id}: {output}"
            assert output.get("name") != "stderr", f"{cell.id}: {output}"


def test_a_question_is_an_answer_a_visible_and_a_hidden_test_and_an_experiment(lab, question):
    solution, visible, hidden = (lab.cells[f"{question}{part}"] for part in ("", "_visible", "_hidden"))
    assert solution.metadata.nbgrader.solution
    assert not solution.metadata.nbgrader.grade
    for test in (visible, hidden):
        assert test.metadata.nbgrader.grade
        assert test.metadata.nbgrader.locked
        assert not test.metadata.nbgrader.solution
    assert visible.metadata.tags == ["raises-exception"]
    assert lab.cells[f"{question}_experiment"].metadata.tags[:2] == ["experiment", "raises-exception"]
    region = hidden.source.split("### BEGIN HIDDEN TESTS\n")[1].split("\n### END HIDDEN TESTS")[0]
    call = f'run_hidden("{question}", globals())'
    assert [line for line in region.splitlines() if line] == ["from autograder.hidden import run_hidden", call]


def test_the_cells_whose_names_the_tests_use_are_locked(lab, release):
    """The repair restores locked cells: visible tests then find their imports whatever a learner did to them."""
    released = {cell.id: cell for cell in release.cells}
    assert {"install", "imports", "helpers"} <= set(lab.given)
    for name in lab.given:
        assert lab.cells[name].metadata.nbgrader.grade_id == name
        assert released[name].source == lab.cells[name].source
        assert released[name].metadata.editable is released[name].metadata.deletable is False


def test_the_first_cells_hold_no_question(lab, question):
    assert not {*lab.questions[question]} & {name for source in lab.first_cells for name in re.findall(r"\w+", source)}


def test_the_points_sum_to_100_and_are_stated_in_the_text(lab):
    graded = [cell for cell in lab.notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    points = {cell.id: cell.metadata.nbgrader.points for cell in graded}
    assert sum(points.values()) == 100
    for question in lab.questions:
        visible, hidden = points[f"{question}_visible"], points[f"{question}_hidden"]
        stated = f"({visible + hidden} points: visible {visible}, hidden {hidden})"
        assert stated in lab.cells[f"{question}_task"].source
    written = set(points) - {f"{q}_{part}" for q in lab.questions for part in ("visible", "hidden")}
    assert sum(points[name] for name in written) == 10
    for name in written:
        assert f"({points[name]} points)" in lab.cells[f"{name}_task"].source


def test_a_lab_has_a_slider_its_rules_and_what_to_remember(lab):
    sliders = [cell for cell in lab.notebook.cells if cell.cell_type == "code" and "ipywidgets.inter" in cell.source]
    assert sliders
    assert all("experiment" in cell.metadata.tags for cell in sliders)
    assert "**Time**: about" in lab.cells["title"].source
    assert "chapters/" in lab.cells["title"].source
    assert "Help from people and from AI" in lab.cells["rules"].source
    assert lab.notebook.cells[-1].id == "remember"


def test_the_examples_in_the_docstrings_hold(lab, question):
    namespace: dict[str, object] = {}
    for source in lab.solved:
        exec(source, namespace)
    runner = doctest.DocTestRunner(verbose=False)
    tests = [
        test
        for name in lab.questions[question]
        for test in doctest.DocTestFinder(recurse=False).find(namespace[name], name, globs=namespace, module=False)
    ]
    assert all(test.examples for test in tests)
    for test in tests:
        report: list[str] = []
        assert runner.run(test, out=report.append).failed == 0, "".join(report)


def test_the_signatures_are_those_that_the_tests_rely_on(lab):
    """The first lines of each question's cell: name, order and defaults."""
    namespace: dict[str, object] = {}
    for source in lab.solved:
        exec(source, namespace)
    names = [name for question in lab.questions for name in lab.questions[question]]
    assert names == list(SIGNATURES[lab.name])
    for name in names:
        signature = inspect.signature(namespace[name])
        assert all(p.annotation is not p.empty for p in signature.parameters.values())
        bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
        stated = str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))
        assert stated == SIGNATURES[lab.name][name]


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


def test_the_untouched_release_gets_nothing(lab, release):
    released = {cell.id: cell.source for cell in release.cells}
    student = InProcess.from_source([*lab.first_cells, *(released[question] for question in lab.questions)])
    for question in lab.questions:
        results = question_results(lab.folder, question, student)
        assert not any(result.passed for result in results)
        (line,) = failure_lines(results)
        assert re.fullmatch(NOT_DONE, line)


def test_the_release_gives_nothing_away(lab, release, tmp_path):
    folder = tmp_path / "labs" / lab.name
    folder.mkdir(parents=True)
    for cell in release.cells:
        cell.outputs = [] if cell.cell_type == "code" else None
        if cell.cell_type == "markdown":
            del cell["outputs"]
    nbformat.write(release, folder / f"{lab.name}.ipynb")
    assert leaks(folder.parent, solutions=lab.folder.parent) == []
    text = "\n".join(cell.source for cell in release.cells)
    for secret in ("Rubric", "Model answer", "run_hidden", "SOLUTION", "HIDDEN"):
        assert secret not in text


def test_a_visible_test_that_is_answered_wrongly_says_so_in_one_sentence(lab, question):
    """The planted fault of the visible half: a message that holds no number but a difference."""
    messages = [lab.visible_message(question, answer.source) for answer in lab.answers("wrong", question)[:4]]
    told = [message for message in messages if message.startswith("WrongAnswer: ")]
    assert told
    assert not any("tensor(" in message or "\n" in message for message in told)
