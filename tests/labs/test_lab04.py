"""What is special about lab 04: bounds for random numbers, and functions lent by one question to another."""

import ast
import itertools
import re

import numpy as np
import pytest
import torch
from torch import nn

from autograder.grade import _modules
from autograder.student import InProcess
from tests.labs.conftest import LABS

LAB = next(lab for lab in LABS if lab.name == "lab04_initialization")
FILLERS = LAB.questions["fillers"]


@pytest.fixture(scope="module")
def hidden():
    with _modules(LAB.folder) as module:
        yield module


@pytest.fixture(scope="module")
def solution() -> dict:
    return InProcess.from_source(LAB.solved)._namespace


def test_right_fills_keep_away_from_the_bounds(hidden, solution, record_property):
    """600 fills of the solution; the bounds are at 6 standard deviations, and at 3.2 for the distribution function."""
    spreads, means = [], []
    for seed, name, shape in itertools.product(range(50), FILLERS, (hidden.DENSE, hidden.IMAGE, hidden.SIGNAL)):
        w = solution[name](torch.empty(shape), generator=torch.Generator().manual_seed(seed)).double()
        std = hidden.deviation(name, shape, hidden.usual(name))
        assert hidden.fits(w, name.split("_")[1], std)
        spreads.append(float(abs(w.square().mean().sqrt() / std - 1) * (2 * w.numel()) ** 0.5))
        means.append(float(abs(w.mean()) / std * w.numel() ** 0.5))
    told = f"largest deviation of the spread {max(spreads):.1f}, of the mean {max(means):.1f} of 6 allowed"
    record_property("answers", f"{LAB.name}, {len(spreads)} right fills, none refused: {told}")
    assert max(*spreads, *means) < 4.5


@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_wrong_numbers_do_not_fit(hidden, law):
    """The planted faults: another spread, another mean, another distribution, each by a little more than is allowed."""
    generator = torch.Generator().manual_seed(0)
    n = 20_000
    right = (
        torch.randn(n, generator=generator) if law == "normal" else 12**0.5 * (torch.rand(n, generator=generator) - 0.5)
    )
    other = (
        12**0.5 * (torch.rand(n, generator=generator) - 0.5) if law == "normal" else torch.randn(n, generator=generator)
    )
    assert hidden.fits(right, law, 1.0)
    cut = right.clamp(-2, 2) / 0.9594
    for wrong in (1.05 * right, right / 1.05, right + 0.07, other, right.abs(), right.round(decimals=0), cut):
        assert not hidden.fits(wrong, law, 1.0)


@pytest.mark.parametrize("name", FILLERS)
def test_each_known_mistake_has_a_spread_of_its_own(hidden, name):
    """In one of the shapes and gains that are asked, what a mistake gives lies nine bounds away from the right one."""
    usual, apart = hidden.usual(name), {}
    asked = [(shape, usual) for shape in (hidden.DENSE, hidden.WIDE, hidden.IMAGE, hidden.SIGNAL)]
    for shape, g in [*asked, (hidden.DENSE, 0.4), (hidden.DENSE, 3.0)]:
        bound, right = 6 / (2 * np.prod(shape)) ** 0.5, hidden.deviation(name, shape, g)
        for sentence, wrong in hidden.mistaken_deviations(name, shape, g).items():
            apart[sentence] = max(apart.get(sentence, 0), abs(wrong / right - 1) / bound)
    assert len(apart) > 11
    assert min(apart.values()) > 9


WRONG = "def {}(*args, **kwargs):\n    return args[0]\n"
STUB = "def {}(*args, **kwargs):\n    raise NotDone()\n"


@pytest.mark.parametrize("other", [STUB, WRONG], ids=["unanswered", "wrong"])
@pytest.mark.parametrize("question", LAB.questions)
def test_a_question_does_not_need_the_answers_to_others(question, other):
    """Hidden and visible test alike; the learner's functions are back afterwards."""
    others = [other.format(name) for q, names in LAB.questions.items() if q != question for name in names]
    student = InProcess.from_source([*LAB.first_cells, *others, LAB.cells[question].source])
    own = {name: student._namespace[name] for names in LAB.questions.values() for name in names}
    assert LAB.hidden_messages(question, student) == []
    exec(LAB.cells[f"{question}_visible"].source, student._namespace)
    assert {name: student._namespace[name] for name in own} == own


STASH = """
kept = []


def initialize(model, scheme, generator=None):
    kept.append(xavier_uniform_)
    raise RuntimeError("from the answer")


def xavier_uniform_(tensor, gain=1.0, generator=None):
    return kept[0](tensor, gain, generator)
"""


def test_what_one_question_was_lent_is_of_no_use_to_another():
    """The planted fault: an answer keeps the lent function, and calls it where it should answer itself."""
    cells = [*LAB.first_cells, LAB.cells["fillers"].source, STASH]
    student = InProcess.from_source(cells)
    assert LAB.hidden_messages("initialize", student)
    messages = LAB.hidden_messages("fillers", student)
    assert len(messages) == 10
    assert all("was lent to another question; write your own" in message for message in messages)


@pytest.mark.parametrize("question", ["fillers", "initialize"])
def test_torchs_own_functions_are_back_when_a_visible_test_fails(question):
    answer = f"def {LAB.questions[question][0]}(*args, **kwargs):\n    raise RuntimeError('from the answer')\n"
    names = InProcess.from_source([*LAB.solved, answer])._namespace
    before = dict(vars(nn.init)), {name: names[name] for name in (*FILLERS, "gain", "fan_in_and_fan_out")}
    with pytest.raises(RuntimeError, match="from the answer"):
        exec(LAB.cells[f"{question}_visible"].source, names)
    assert (dict(vars(nn.init)), {name: names[name] for name in before[1]}) == before


def sentences(source: str) -> set[str]:
    """Return the sentences that name a mistake in a visible test, from its dictionaries and the items set in them."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Dict):
            found |= {text.value for text in [*node.keys, *node.values] if isinstance(text, ast.Constant)}
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            found |= {text.value for text in (node.value, node.targets[0].slice) if isinstance(text, ast.Constant)}
    return {text for text in found if isinstance(text, str) and " " in text}


def test_visible_and_hidden_tests_say_the_same_of_the_same_mistake():
    """The report merges what students read by its wording; the planted fault is a sentence with one word changed."""
    said = re.sub(r'"\s*\n\s*f?"', "", (LAB.folder / "hidden_tests.py").read_text())
    visible = set().union(*(sentences(LAB.cells[f"{question}_visible"].source) for question in LAB.questions))
    assert len(visible) > 40
    assert [text for text in sorted(visible) if text not in said] == []
    assert [text for text in visible if text.replace("the", "a", 1) in said and "the" in text] == []
