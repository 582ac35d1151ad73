"""What all tests share: an environment that no test changes for the next one, a browser, the summary of a run."""

import os
import re
import shutil
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from playwright.sync_api import Browser, sync_playwright
from xdist.scheduler import LoadFileScheduling

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


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


def find_chromium() -> str:
    """Return the path of an installed Chromium or Chrome, or fail with the command that installs one."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    pytest.fail("Chromium is missing: run `make setup-system`", pytrace=False)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser of a file's tests: while it is open an event loop runs, which other files' tests do not expect."""
    executable = find_chromium()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many answers of each lab the tests caught and kept, also when they ran in other processes."""
    reports = [report for group in ("passed", "failed") for report in terminalreporter.getreports(group)]
    lines = sorted(text for report in reports for name, text in report.user_properties if name == "answers")
    if lines:
        terminalreporter.section("answers of the labs")
        for line in lines:
            terminalreporter.write_line(line)
