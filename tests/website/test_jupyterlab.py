"""The same figure in JupyterLab, joined to Python: what the reader moves, Python sees, and the other way round."""

import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import expect

from .conftest import Visit

CELLS = [
    "from nnutils.figures import OptimizerRace\nrace = OptimizerRace('ravine', ['sgd', 'adam'])\nrace",
    "print('rate', race.hyper['sgd']['lr'], 'start', race.start)",
    "race.surface = 'saddle'; race.steps = 30; print('moved')",
]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[str]:
    """A JupyterLab server on this machine with one small notebook; yields the notebook's address, and stops."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in CELLS],
        metadata={"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    )
    (tmp_path / "work").mkdir()
    nbformat.write(notebook, tmp_path / "work" / "race.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    folders = {f"JUPYTER_{name}_DIR": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    settings = [f"--IdentityProvider.token={token}", "--LabApp.news_url=None", "--ServerApp.port_retries=0"]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            [*command, *settings],
            cwd=tmp_path / "work",
            env={**os.environ, **folders, "JUPYTER_PREFER_ENV_PATH": "1", "NNUTILS_DEVICE": "cpu"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/api/status?token={token}", server, tmp_path / "server.log")
            yield f"http://127.0.0.1:{port}/lab/tree/race.ipynb?token={token}"
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)
                server.wait()


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(150):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"JupyterLab does not answer:\n{log.read_text()}")


def test_the_race_lives_in_jupyterlab_and_python_sees_the_readers_settings(
    visit: Callable[..., Visit], lab: str
) -> None:
    page = visit(height=1100).page
    page.goto(lab)
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    expect(cells).to_have_count(len(CELLS), timeout=40_000)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=40_000)

    def run(cell: int) -> None:
        prompt = cells.nth(cell).locator(".jp-InputArea-prompt")
        for _ in range(10):  # JupyterLab drops keys while it is still loading
            cells.nth(cell).locator(".cm-content").click()
            page.keyboard.press("Control+Enter")
            with contextlib.suppress(AssertionError):
                return expect(prompt).to_have_text(re.compile(r"\[(\d+|\*)\]"), timeout=3000)
        raise AssertionError(f"JupyterLab does not run cell {cell}")

    run(0)
    figure = cells.nth(0).locator(".nn-race")
    figure.wait_for(timeout=40_000)
    line = figure.locator(".nn-map-svg .nn-line").first
    expect(line).to_have_attribute("d", re.compile("^M"))
    before = line.get_attribute("d")
    rate = figure.get_by_role("slider", name="SGD: learning rate")
    rate.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(rate).to_have_attribute("aria-valuetext", "0.6")
    expect(line).not_to_have_attribute("d", before or "")
    figure.locator(".nn-handle").focus()
    page.keyboard.press("ArrowRight")
    expect(figure.locator(".nn-handle")).to_have_attribute("aria-valuetext", "w1 = -4.79, w2 = 2")

    run(1)
    expect(cells.nth(1).locator(".jp-OutputArea-output")).to_contain_text("rate 0.6 start [-4.79, 2.0]")

    run(2)
    expect(cells.nth(2).locator(".jp-OutputArea-output")).to_contain_text("moved")
    expect(figure.get_by_role("radio", name="Saddle")).to_be_checked()
    expect(figure.get_by_role("slider", name="number of steps")).to_have_attribute("aria-valuetext", "30")
