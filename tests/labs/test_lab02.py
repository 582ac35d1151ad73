"""What is special about lab 02: functions lent by one question to another, and thresholds of a training run."""

import ast

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from autograder.grade import _modules
from autograder.rules import violations
from autograder.student import InProcess
from autograder.testing import AUTOGRAD, FROM_SCRATCH
from tests.labs.conftest import LABS

LAB = next(lab for lab in LABS if lab.name == "lab02_backprop")

STASH = """
kept = []


def mlp_backward(X, targets, params):
    kept.extend((dense_backward, dense_backward.__closure__))
    return None


def dense_backward(grad_out, X, W):
    return kept[0](grad_out, X, W)


def train_by_hand(X, y, hidden, lr, epochs, batch_size, generator):
    kept.append(mlp_backward)
"""


def test_what_one_question_was_lent_is_of_no_use_to_another():
    """The planted fault: an answer keeps the lent function, and calls it where it should answer itself."""
    student = InProcess.from_source([*LAB.first_cells, STASH])
    assert LAB.hidden_messages("mlp_backward", student)
    messages = LAB.hidden_messages("dense_backward", student)
    assert len(messages) == 9
    assert all("was lent to another question; write your own" in message for message in messages)
    assert student._namespace["dense_backward"].__code__.co_filename.startswith("<cell")


@pytest.mark.parametrize("question", ["mlp_backward", "train_by_hand"])
def test_a_question_does_not_need_the_answers_that_it_calls(question):
    """All other questions are unanswered, or answered wrongly; the solution's code for this one keeps all marks."""
    stub = "def {}(*args):\n    raise NotDone()\n"
    others = [stub.format(name) for q, names in LAB.questions.items() if q != question for name in names]
    for before in (others, []):
        student = InProcess.from_source([*LAB.first_cells, *before, LAB.cells[question].source])
        assert LAB.hidden_messages(question, student) == []


WRONG = "def {}(*args):\n    return args[0]\n"
STUB = "def {}(*args):\n    raise NotDone()\n"


@pytest.mark.parametrize("other", [STUB, WRONG], ids=["unanswered", "wrong"])
@pytest.mark.parametrize("question", ["mlp_backward", "train_by_hand"])
def test_a_visible_test_does_not_need_the_answers_that_its_question_calls(question, other):
    """All other questions are unanswered, or answered wrongly; the learner's functions are back afterwards."""
    others = [other.format(name) for q, names in LAB.questions.items() if q != question for name in names]
    student = InProcess.from_source([*LAB.first_cells, *others, LAB.cells[question].source])
    own = {name: student._namespace[name] for names in LAB.questions.values() for name in names}
    exec(LAB.cells[f"{question}_visible"].source, student._namespace)
    assert {name: student._namespace[name] for name in own} == own


FAILING = """
def mlp_backward(X, targets, params):
    kept.append(dense_backward)
    raise RuntimeError("from the answer")


kept = []
"""


@pytest.mark.parametrize("answer", [FAILING, WRONG.format("mlp_backward")], ids=["raises", "wrong"])
def test_what_a_visible_test_lends_is_taken_back_also_when_the_answer_fails(answer):
    student = InProcess.from_source([*LAB.first_cells, STUB.format("dense_backward"), answer])
    names = student._namespace
    before = names["dense_backward"], torch.autograd.grad, torch.autograd.backward, torch.Tensor.backward
    with pytest.raises((AssertionError, RuntimeError)):
        exec(LAB.cells["mlp_backward_visible"].source, names)
    assert (names["dense_backward"], torch.autograd.grad, torch.autograd.backward, torch.Tensor.backward) == before
    assert "relu_backward" not in names
    assert all(lent is not before[0] for lent in names.get("kept", []))


@pytest.mark.parametrize("answer", LAB.answers("right", "mlp_backward"), ids=lambda answer: answer.path.stem)
def test_right_answers_pass_the_visible_test_beside_wrong_ones(answer):
    """An answer with functions of its own under the other questions' names calls these; all else is lent."""
    others = [WRONG.format(name) for name in ("dense_backward", "relu_backward", "softmax_cross_entropy_backward")]
    names = InProcess.from_source([*LAB.first_cells, *others, answer.source])._namespace
    exec(LAB.cells["mlp_backward_visible"].source, names)


def test_the_thresholds_of_train_by_hand_have_a_margin(record_property):
    """The solution over 24 seeds, each with its own split, order of pixels, and start."""
    namespace: dict = {}
    for source in LAB.solved:
        exec(source, namespace)
    losses, accuracies = [], []
    with _modules(LAB.folder) as hidden:
        for seed in range(24):
            X, y, held_out, labels = hidden.draw_digits(np.random.default_rng(seed))
            runs = []
            for settings in (hidden.FIRST, hidden.LONG):
                arguments = settings | {"generator": torch.Generator().manual_seed(seed)}
                runs.append(namespace["train_by_hand"](X, y, **arguments))
            losses.append(float(F.cross_entropy(hidden.net_logits(X, runs[0]), y)))
            accuracies.append(float((hidden.net_logits(held_out, runs[1]).argmax(1) == labels).float().mean()))
        limits = hidden.FIRST_LOSS, hidden.ACCURACY
    record_property(
        "answers",
        f"{LAB.name}, train_by_hand over 24 seeds: loss after one epoch at most {max(losses):.2f} (limit {limits[0]}), "
        f"accuracy at least {min(accuracies):.3f}, mean {np.mean(accuracies):.3f} (limit {limits[1]})",
    )
    assert max(losses) < limits[0] / 1.5
    assert min(accuracies) > limits[1] + 0.03


def sentences(source: str) -> set[str]:
    """Return the sentences of a cell's dictionaries, which stand with what a mistake would give or with its shape."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Dict):
            formulas = [value for value in node.values if "Lambda" in ast.dump(value) and isinstance(value, ast.Tuple)]
            found |= {
                text.value for text in [*node.keys, *node.values] if isinstance(text, ast.Constant) and not formulas
            }
    return {text for text in found if isinstance(text, str) and " " in text}


def test_visible_and_hidden_tests_say_the_same_of_the_same_mistake():
    """The report merges what students read by its wording; the planted fault is a sentence with one word changed."""
    hidden = {
        node.value
        for node in ast.walk(ast.parse((LAB.folder / "hidden_tests.py").read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    cells = [source for source in LAB.first_cells if "lambda" in source or "mistaken" in source]
    visible = set().union(*map(sentences, [*cells, *(LAB.cells[f"{q}_visible"].source for q in LAB.questions)]))
    assert len(visible) > 50
    assert visible <= hidden, sorted(visible - hidden)
    assert not {text.replace("the", "a", 1) for text in visible if "the" in text} <= hidden


def test_given_names_that_reach_autograd_say_so():
    """An answer is refused for any given name that leads there: none may be one that a learner takes up unawares."""
    refused = (*AUTOGRAD, *FROM_SCRATCH)
    given = [name for source in LAB.first_cells for name in definitions(source)]
    assert "by_autograd" in given
    reaching = [name for name in given if violations(LAB.first_cells, [name], refused)]
    assert "without_autograd" in reaching
    assert [name for name in reaching if "autograd" not in name.lower()] == []


def definitions(source: str) -> list[str]:
    names: list[str] = []
    for node in ast.parse(source).body:
        names += [node.name] if isinstance(node, ast.FunctionDef) else []
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        names += [name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name)]
    return names
