"""Judge one question: run its hidden tests against a learner's code and say which properties fail.

Hidden tests are pytest functions ``test_<question>__<property>(student, rng)`` in ``solutions/<lab>/hidden_tests.py``.
They run here, outside of the learner's code; ``student`` is the way to that code (``autograder.student``), ``rng`` a
NumPy generator that is the same at every grading of this student and different for the next one.
"""

import hashlib
import importlib.util
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from autograder.rules import refuses, sentence, violations
from autograder.seeds import OPEN_SECRET, student_seed
from autograder.student import Student, StudentError
from autograder.worker import one_line

__all__ = ["GraderError", "TestResult", "failure_lines", "question_results", "questions"]


class GraderError(RuntimeError):
    """The grader, not the learner, is at fault; the question needs the instructor."""

    def _render_traceback_(self) -> list[str]:
        return [f"GraderError: {self}"]


@dataclass(frozen=True)
class TestResult:
    """What one hidden test found: its property in words, and one line for the learner when it fails."""

    name: str
    passed: bool
    message: str = ""
    kind: str = ""
    __test__ = False


def question_results(
    lab_dir: str | Path,
    question: str,
    student: Student,
    *,
    secret: str | None = None,
    student_id: str = "",
    seed: str | None = None,
    only: Collection[str] = (),
) -> list[TestResult]:
    """Return the results of a question's hidden tests, in the order of the file.

    Parameters
    ----------
    lab_dir : path
        The folder ``solutions/<lab>`` with ``hidden_tests.py`` and ``probes.py``.
    question : str
        The question's id, such as ``adam``.
    student : Student
        The learner's code, in this process or in another.
    secret, student_id : str
        With the lab and the test's name they give the inputs that ``rng`` draws.
    seed : str, optional
        What ``student_seed`` made of secret, lab and student; for a process that must not know the secret.
    only : collection of str, optional
        Properties in words, as ``TestResult.name`` has them, to run no others.

    Raises
    ------
    LookupError
        When the lab or the question is unknown.
    GraderError
        When the hidden tests cannot be loaded.
    """
    lab_dir = Path(lab_dir).resolve()
    if not (lab_dir / "hidden_tests.py").is_file():
        raise LookupError(f"question_results: no hidden_tests.py in {lab_dir.name}; expected the folder of a lab")
    seed = seed or student_seed(secret or OPEN_SECRET, lab_dir.name, student_id)
    with _modules(lab_dir) as tests:
        names = getattr(tests, "NAMES", {})
        if question not in names:
            known = ", ".join(names)
            raise LookupError(f"question_results: {lab_dir.name} has no question {question!r}; known: {known}")
        refused = tuple(getattr(tests, "REFUSED", {}).get(question, ()))
        student.begin(question, lab=lab_dir, refused=refused)
        try:
            used = violations(student.sources(), names[question], refused) if refused else []
        except (RecursionError, MemoryError):
            message = "your code is nested too deeply to be read; split long expressions"
            return [TestResult("only allowed names", False, message, "failed")]
        if used:
            pattern = refuses(refused, used[0])
            shown = used[0] if pattern.endswith("*") else pattern
            return [TestResult("only allowed names", False, sentence(question, shown), "refused")]
        plugin = _Plugin(question, student, seed, only)
        with _quiet_pytest(lab_dir) as arguments:
            code = pytest.ExitCode(pytest.main(arguments, plugins=[plugin]))
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if plugin.broken or code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise GraderError(
            f"the hidden tests of {lab_dir.name}, {question}, could not be run ({plugin.broken or code.name})"
        )
    return plugin.results


def failure_lines(results: Sequence[TestResult]) -> list[str]:
    """Return what the learner reads: one line a failed property; unfinished work is one friendly line."""
    failed = [result for result in results if not result.passed]
    for result in failed:
        if result.kind in ("NotDone", "refused"):
            return [result.message]
    if len({result.message for result in failed}) == 1 and len(failed) > 1:
        return [failed[0].message]
    return [f"{result.name}: {result.message}" if result.message else result.name for result in failed]


def questions(lab_dir: str | Path) -> dict[str, tuple[str, ...]]:
    """Return the questions of a lab and the names that a learner defines in each."""
    with _modules(Path(lab_dir).resolve()) as tests:
        return {question: tuple(names) for question, names in tests.NAMES.items()}


class _Plugin:
    """Brings the fixtures, keeps the question's tests only, and collects their results."""

    def __init__(self, question: str, student: Student, seed: str, only: Collection[str] = ()) -> None:
        self.question, self._student, self._seed, self._only = question, student, seed, only
        self.results: list[TestResult] = []
        self.broken = ""

    @pytest.fixture
    def student(self) -> Student:
        return self._student

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> np.random.Generator:
        return np.random.default_rng(self._entropy(request.node.name))

    def _entropy(self, test: str) -> int:
        return int.from_bytes(hashlib.sha256(f"{self._seed}\n{test}".encode()).digest(), "big")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.name.startswith(f"test_{self.question}__")]
        if self._only:
            items[:] = [item for item in items if _in_words(item.name) in self._only]
        for item in items:  # pytest's own account of a failure takes 0.1 s, four times the test, and is never shown
            item.repr_failure = lambda *args, **kwargs: ""  # type: ignore[method-assign]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken = "they do not load"

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self._student.seed(self._entropy(item.name + " global generators") % 2**63)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
        report = yield
        failed = report.failed and call.excinfo is not None
        if failed and report.when != "call":
            self.broken = f"{report.when} of {item.name.partition('__')[2]} failed"
        elif report.when == "call":
            error = call.excinfo.value if failed and call.excinfo is not None else None
            self.results.append(TestResult(_in_words(item.name), report.passed, *_told(error)))
        return report


def _in_words(test: str) -> str:
    name, _, case = test.partition("__")[2].partition("[")
    return name.replace("_", " ") + (f" ({case.rstrip(']')})" if case else "")


def _told(error: BaseException | None) -> tuple[str, str]:
    """Return (message, kind) of what a test raised; never more than one line, and no value of the tests' own."""
    if error is None:
        return "", ""
    if isinstance(error, StudentError):
        return one_line(error), error.kind
    if isinstance(error, AssertionError):
        return one_line(error), "failed"
    return f"the result has an unexpected form ({type(error).__name__} while it was checked)", "failed"


@contextmanager
def _modules(lab_dir: Path) -> Iterator[ModuleType]:
    """Load a lab's probes and hidden tests as the modules ``probes`` and ``hidden_tests`` for the time of the block."""
    before = {name: sys.modules.pop(name, None) for name in ("probes", "hidden_tests")}
    try:
        try:
            for name in before:
                if (path := lab_dir / f"{name}.py").exists():
                    spec = importlib.util.spec_from_file_location(name, path)
                    assert spec is not None
                    assert spec.loader is not None
                    sys.modules[name] = module = importlib.util.module_from_spec(spec)
                    spec.loader.exec_module(module)
        except Exception as error:
            raise GraderError(
                f"the hidden tests of {lab_dir.name} could not be loaded ({type(error).__name__})"
            ) from error
        yield module
    finally:
        for name, old in before.items():
            sys.modules.pop(name, None)
            if old is not None:
                sys.modules[name] = old


@contextmanager
def _quiet_pytest(lab_dir: Path) -> Iterator[list[str]]:
    """Yield arguments for a pytest that loads no plugin and no configuration, prints nothing and rewrites nothing."""
    changed = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}
    before = {name: os.environ.get(name) for name in (*changed, "PYTEST_CURRENT_TEST", "PYTEST_VERSION")}
    os.environ.update(changed)
    os.environ.pop("PYTEST_PLUGINS")
    off = "terminal cacheprovider doctest faulthandler logging warnings unraisableexception threadexception"
    try:
        yield [
            str(lab_dir / "hidden_tests.py"),
            *("-c", os.devnull, "--rootdir", str(lab_dir), "--noconftest", "--import-mode=importlib", "--assert=plain"),
            *("--capture=sys", "-W", "ignore", *(f"-pno:{name}" for name in off.split())),
        ]
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
