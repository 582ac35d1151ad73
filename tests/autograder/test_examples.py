"""The examples in the docstrings of the grader are true."""

import doctest
import importlib
import pkgutil

import pytest

import autograder

MODULES = [module.name for module in pkgutil.iter_modules(autograder.__path__) if module.name != "__main__"]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    found = doctest.testmod(importlib.import_module(f"autograder.{name}"))
    assert found.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    examples = [e for name in MODULES for e in finder.find(importlib.import_module(f"autograder.{name}")) if e.examples]
    assert len(examples) >= 4
