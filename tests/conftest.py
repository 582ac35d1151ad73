"""What all tests share: an environment that no test changes for the next one, and what the summary of a run tells."""

import os
import re
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from xdist.scheduler import LoadFileScheduling


class LoadFileAndLab(LoadFileScheduling):
    """Give one process all tests of a file, or of one lab in it: they share what is slow."""

    def _split_scope(self, nodeid: str) -> str:
        lab = re.search(r"\[.*?(lab\d\d)", nodeid)
        return f"{super()._split_scope(nodeid)} {lab[1] if lab else ''}"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    return LoadFileAndLab(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(autouse=True, scope="module")
def environment_of_the_module() -> Iterator[None]:
    """Put back the environment variables that fixtures of a module set."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture(autouse=True)
def environment_of_the_test() -> Iterator[None]:
    """Put back the environment variables that a test sets: reading the grader's settings sets some."""
    with mock.patch.dict(os.environ):
        yield


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many answers of each lab the tests caught and kept, also when they ran in other processes."""
    reports = [report for group in ("passed", "failed") for report in terminalreporter.getreports(group)]
    lines = sorted(text for report in reports for name, text in report.user_properties if name == "answers")
    if lines:
        terminalreporter.section("answers of the labs")
        for line in lines:
            terminalreporter.write_line(line)
