"""Every public function and class of nnutils has an example, and every example gives what it shows."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import sys

import pytest

import nnutils

MODULES = ["nnutils", *(module.name for module in pkgutil.walk_packages(nnutils.__path__, "nnutils."))]


def without_example(module):
    """Public functions and classes whose own docstring shows no example; methods and constants need none."""
    public = {name: getattr(module, name) for name in module.__all__}
    return [
        f"{module.__name__}.{name}"
        for name, value in public.items()
        if (inspect.isroutine(value) or inspect.isclass(value))
        # a class inherits no docstring here: an heir has an example of its own
        and not doctest.DocTestParser().get_examples(vars(value).get("__doc__", value.__doc__) or "")
    ]


def shown(module):
    """How many examples the docstrings in a module's text show."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(inspect.getsource(module))) if isinstance(node, documented)]
    return sum(len(doctest.DocTestParser().get_examples(ast.get_docstring(node) or "")) for node in nodes)


@pytest.mark.parametrize("name", MODULES)
def test_every_example_of_a_module_runs_and_holds(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module) == (0, shown(module))


@pytest.mark.parametrize("name", MODULES)
def test_public_functions_and_classes_have_examples(name):
    assert without_example(importlib.import_module(name)) == []


@pytest.fixture
def imported(tmp_path, monkeypatch):
    """Import a text as the module ``scratch``."""
    path = tmp_path / "scratch.py"

    def from_text(text):
        path.write_text(text)
        spec = importlib.util.spec_from_file_location("scratch", path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "scratch", module)
        spec.loader.exec_module(module)
        return module

    return from_text


def test_a_missing_example_is_found(imported):
    module = imported("""
import functools

__all__ = ["CONSTANT", "Heir", "Only", "Shown", "bare", "none", "shown", "wrapped"]

CONSTANT = {"a": 1}

class Shown:
    '''What it is.

    >>> 1
    1
    '''

class Heir(Shown):
    pass

class Only:
    def method(self):
        '''
        >>> 1
        1
        '''

def shown():
    '''
    >>> 1
    1
    '''

def bare():
    '''Return 1.'''

def none():
    pass

@functools.cache
def wrapped():
    '''Return 1.'''
""")
    names = ["Heir", "Only", "bare", "none", "wrapped"]
    assert without_example(module) == [f"scratch.{name}" for name in names]


@pytest.mark.parametrize("decorator", ["", "@torch.inference_mode()", "@functools.cache"])
@pytest.mark.parametrize(
    ("example", "failed"), [(">>> 1 + 1\n    3", 1), (">>> no_such_name", 1), (">>> f() + 1\n    2", 0)]
)
def test_a_wrong_example_fails_under_any_decorator(imported, capsys, decorator, example, failed):
    text = f'import functools, torch\n{decorator}\ndef f():\n    """\n    {example}\n    """\n    return 1'
    module = imported(text)
    assert doctest.testmod(module) == (failed, shown(module)) == (failed, 1)


@pytest.mark.parametrize(
    "text",
    [
        'def f():\n    """\n    >>> f()  # doctest: +SKIP\n    """',
        'def f():\n    def g():\n        """\n        >>> 1\n        2\n        """',
        'class C:\n    """\n    >>> 1\n    1\n    """\ndel C',
    ],
    ids=["skipped", "out of reach", "gone"],
)
def test_an_example_that_does_not_run_is_found(imported, text):
    module = imported(text)
    assert doctest.testmod(module) == (0, 0)
    assert shown(module) == 1
