"""Every example in a docstring of nnutils gives what it shows."""

import doctest
import importlib
import pkgutil

import pytest

import nnutils

MODULES = [module.name for module in pkgutil.walk_packages(nnutils.__path__, "nnutils.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_public_functions_have_examples():
    finder = doctest.DocTestFinder()
    count = sum(len(test.examples) for name in MODULES for test in finder.find(importlib.import_module(name)))
    assert count >= 20


def test_a_wrong_example_is_caught():
    def wrong():
        """
        >>> 1 + 1
        3
        """

    runner, (case,) = doctest.DocTestRunner(verbose=False), doctest.DocTestFinder().find(wrong, "wrong")
    assert runner.run(case, out=lambda text: None).failed == 1
