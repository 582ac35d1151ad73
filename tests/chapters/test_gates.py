"""Every chapter's equations have their tests and every test its equation; a planted fault in either is found."""

import importlib
import re

import pytest

from tests.chapters.gates import ROOT, equation_faults, equations, markdown

CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("[0-9]*.ipynb"))


@pytest.fixture(scope="module", params=CHAPTERS)
def chapter(request):
    """Give the chapter's text and the names of its test module."""
    tests = importlib.import_module(f"tests.chapters.test_{request.param}")
    return markdown(ROOT / "chapters" / f"{request.param}.ipynb"), vars(tests)


def test_every_equation_has_its_test_and_every_test_its_equation(chapter):
    assert list(equation_faults(*chapter)) == []


def test_an_equation_without_a_test_is_found(chapter):
    text, tests = chapter
    for label in equations(text):
        name = f"test_{label.replace('-', '_')}"
        less = {key: value for key, value in tests.items() if key != name}
        assert list(equation_faults(text, less)) == [f"{label}: no test of this name"]
    more = text + "\n$$ a = b $$ (eq-new)\n"
    assert list(equation_faults(more, tests)) == ["eq-new: no test of this name"]


def test_a_test_without_its_equation_is_found(chapter):
    text, tests = chapter
    for label in equations(text):
        without = text.replace(f"$$ ({label})", "$$")
        assert list(equation_faults(without, tests)) == [f"{label}: tested, but not in the chapter"]
    some = next(value for name, value in tests.items() if name.startswith("test_eq_"))
    assert list(equation_faults(text, tests | {"test_eq_nothing": some})) == [
        "eq-nothing: tested, but not in the chapter"
    ]


def test_a_changed_equation_is_found(chapter):
    text, tests = chapter
    for label in equations(text):
        wrong = re.sub(rf" \$\$ \({label}\)", rf" + 1 $$ ({label})", text)
        (fault,) = equation_faults(wrong, tests)
        assert fault.startswith(f"{label}: the chapter prints ")
