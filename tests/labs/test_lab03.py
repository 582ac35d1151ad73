"""What is special about lab 03: functions lent to the slopes, and refusals that reach methods of a tensor."""

import ast

import pytest
import torch

from autograder.student import InProcess
from tests.labs.conftest import LABS
from tests.labs.test_lab02 import sentences

LAB = next(lab for lab in LABS if lab.name == "lab03_activations")

STUB = "def {}(*args):\n    raise NotDone()\n"
WRONG = "def {}(*args):\n    return args[0]\n"
FROM_QUESTION_1 = next(
    answer for answer in LAB.answers("right", "activation_gradient") if "question_1" in answer.path.stem
)
BY_TANH = """
def activation_gradient(name, z):
    if name == "tanh":
        return 1 - tanh(z) ** 2
    return right(name, z)
"""


@pytest.mark.parametrize("other", [STUB, WRONG], ids=["unanswered", "wrong"])
def test_the_slopes_do_not_need_the_answers_to_question_1(other):
    """Hidden and visible test lend right versions; afterwards the learner's own functions are back."""
    others = [other.format(name) for name in LAB.questions["activations"]]
    solution = LAB.cells["activation_gradient"].source
    student = InProcess.from_source([*LAB.first_cells, *others, solution, "right = activation_gradient", BY_TANH])
    own = {name: student._namespace[name] for name in LAB.questions["activations"]}
    assert LAB.hidden_messages("activation_gradient", student) == []
    exec(LAB.cells["activation_gradient_visible"].source, student._namespace)
    assert {name: student._namespace[name] for name in own} == own


def test_a_function_of_the_learners_own_under_a_lent_name_counts():
    student = InProcess.from_source([*LAB.first_cells, FROM_QUESTION_1.source])
    assert LAB.hidden_messages("activation_gradient", student) == []
    exec(LAB.cells["activation_gradient_visible"].source, student._namespace)


STASH = """
kept = []


def activation_gradient(name, z):
    kept.append(tanh)
    return z


def tanh(z):
    return kept[0](z)
"""


def test_what_the_slopes_were_lent_is_of_no_use_to_question_1():
    """The planted fault: an answer keeps the lent function, and calls it where it should answer itself."""
    solution = LAB.cells["activations"].source
    student = InProcess.from_source([*LAB.first_cells, solution, STASH])
    assert LAB.hidden_messages("activation_gradient", student)
    messages = LAB.hidden_messages("activations", student)
    assert messages
    assert all("was lent to another question; write your own" in message for message in messages)


@pytest.mark.parametrize("call", ["z.tanh()", "torch.tanh(z)", "F.tanh(z)", "nn.Tanh()(z)"])
def test_the_visible_test_refuses_what_the_question_refuses(call):
    answer = f"def tanh(z):\n    return {call}\n"
    before = torch.tanh, torch.nn.functional.tanh, "tanh" in vars(torch.Tensor)
    message = LAB.visible_message("activations", answer)
    assert message.startswith("WrongAnswer: activations: torch.")
    assert message.endswith("tanh is refused in this question; write it yourself")
    assert before == (torch.tanh, torch.nn.functional.tanh, "tanh" in vars(torch.Tensor))


@pytest.mark.parametrize("call", ["z.sigmoid()", "torch.sigmoid(z)", "1 - torch.exp(-z) / (1 + torch.exp(-z))"])
def test_allowed_names_stay_allowed(call):
    answer = f"def tanh(z):\n    z = 2 * z.clamp(-40, 40)\n    return 2 * ({call}) - 1\n"
    assert LAB.visible_message("activations", answer) == ""
    student = InProcess.from_source([*LAB.solved, answer])
    assert LAB.hidden_messages("activations", student) == []


def test_visible_and_hidden_tests_say_the_same_of_the_same_mistake():
    """The report merges what students read by its wording; the planted fault is a sentence with one word changed."""
    tree = ast.parse((LAB.folder / "hidden_tests.py").read_text())
    hidden = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    visible = set().union(*(sentences(LAB.cells[f"{question}_visible"].source) for question in LAB.questions))
    assert len(visible) > 40
    assert visible <= hidden, sorted(visible - hidden)
    assert not {text.replace("the", "a", 1) for text in visible if "the" in text} <= hidden
