"""Every public function and class of nnutils has an example, and every example gives what it shows."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import pkgutil

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


def run_examples(module):
    """Run the examples in all docstrings of a module; return how many there are and how many fail.

    ``doctest`` finds docstrings by looking at objects, and passes over a function that a decorator from elsewhere has
    wrapped; the text of the module shows these too.
    """
    tests = doctest.DocTestFinder().find(module)
    seen = {tuple((e.source, e.want) for e in test.examples) for test in tests}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            text = ast.get_docstring(node) or ""
            found = doctest.DocTestParser().get_examples(text)
            if tuple((e.source, e.want) for e in found) not in seen:
                name = f"{module.__name__}.{node.name}"
                tests.append(doctest.DocTest(found, dict(vars(module)), name, module.__file__, node.lineno, text))
    runner = doctest.DocTestRunner()
    for test in tests:
        runner.run(test)
    return runner.tries, runner.failures


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name):
    _, failures = run_examples(importlib.import_module(name))
    assert failures == 0


@pytest.mark.parametrize("name", MODULES)
def test_public_functions_and_classes_have_examples(name):
    assert without_example(importlib.import_module(name)) == []


def imported(folder, text):
    path = folder / "scratch.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("scratch", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_missing_example_is_found(tmp_path):
    module = imported(
        tmp_path,
        """
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
""",
    )
    names = ["Heir", "Only", "bare", "none", "wrapped"]
    assert without_example(module) == [f"scratch.{name}" for name in names]


@pytest.mark.parametrize("decorator", ["", "@torch.inference_mode()", "@functools.cache"])
@pytest.mark.parametrize(
    ("example", "fails"), [(">>> 1 + 1\n    3", True), (">>> no_such_name", True), (">>> f() + 1\n    2", False)]
)
def test_a_wrong_example_is_caught_under_any_decorator(tmp_path, capsys, decorator, example, fails):
    text = f'import functools, torch\n{decorator}\ndef f():\n    """\n    {example}\n    """\n    return 1'
    assert run_examples(imported(tmp_path, text)) == (1, int(fails))


def test_a_wrong_example_of_a_method_is_caught(tmp_path, capsys):
    text = 'class C:\n    def method(self):\n        """\n        >>> 1\n        2\n        """'
    assert run_examples(imported(tmp_path, text)) == (1, 1)
