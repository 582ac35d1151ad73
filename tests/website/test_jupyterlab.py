"""The same figures in JupyterLab, joined to Python: what the reader moves, Python sees, and the other way round."""

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
from playwright.sync_api import Locator, Page, expect

from .conftest import Visit

NOTEBOOKS = {
    "race": [
        "from nnutils.figures import OptimizerRace\nrace = OptimizerRace('ravine', ['sgd', 'adam'])\nrace",
        "print('rate', race.hyper['sgd']['lr'], 'start', race.start)",
        "race.surface = 'saddle'; race.steps = 30; print('moved')",
    ],
    "explorer": [
        "from nnutils.figures import ActivationExplorer\nexplorer = ActivationExplorer('sigmoid')\nexplorer",
        "print('z', explorer.z, 'weight', explorer.weight, 'slope', round(explorer.slope(), 4))",
        "explorer.activation = 'relu'; explorer.z = -2; print('moved')",
    ],
    "propagation": [
        "from nnutils.figures import SignalPropagation\nfigure = SignalPropagation('relu', 'he')\nfigure",
        "print('scheme', figure.scheme, 'gain', figure.gain)",
        "figure.activation = 'tanh'; figure.gain = 0.5; print('moved')",
    ],
    "graph": [
        "from nnutils.figures import ComputationalGraph\ngraph = ComputationalGraph('cosine', stage=19)\ngraph",
        "print('x1', graph.inputs['x1'], 'stage', graph.stage, 'gradient', graph.gradients()['x0'])",
        "graph.example = 'twice'; graph.inputs = {'x': -1}; graph.stage = 10; print('moved')",
    ],
    "playground": [
        "from nnutils.figures import RegularizationPlayground\nplay = RegularizationPlayground(epochs=100)\nplay",
        "print('decay', play.weight_decay, 'validation', f'{play.train().val_loss[-1]:.2f}')",
        "play.data = 'xor'; play.patience = 20; print('moved')",
    ],
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """A JupyterLab server on this machine with small notebooks; yields their addresses by name, and stops."""
    tmp_path = tmp_path_factory.mktemp("lab")
    (tmp_path / "work").mkdir()
    for name, cells in NOTEBOOKS.items():
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(source) for source in cells],
            metadata={"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        )
        nbformat.write(notebook, tmp_path / "work" / f"{name}.ipynb")
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
            yield lambda name: f"http://127.0.0.1:{port}/lab/workspaces/{name}/tree/{name}.ipynb?token={token}"
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


class Notebook:
    """A notebook open in JupyterLab."""

    def __init__(self, page: Page, url: str, cells: int) -> None:
        self.page = page
        # a cell that is run before the kernel is connected makes JupyterLab ask which kernel is meant
        page.add_locator_handler(page.locator(".jp-Dialog"), lambda dialog: dialog.locator(".jp-mod-accept").click())
        page.goto(url)
        self.cells = page.locator(".jp-Notebook .jp-CodeCell")
        expect(self.cells).to_have_count(cells, timeout=40_000)
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(timeout=40_000)

    def run(self, cell: int) -> Locator:
        """Run a cell and return it."""
        prompt = self.cells.nth(cell).locator(".jp-InputArea-prompt")
        for _ in range(10):  # JupyterLab drops keys while it is still loading
            self.cells.nth(cell).locator(".cm-content").click()
            self.page.keyboard.press("Control+Enter")
            with contextlib.suppress(AssertionError):
                expect(prompt).to_have_text(re.compile(r"\[(\d+|\*)\]"), timeout=3000)
                return self.cells.nth(cell)
        raise AssertionError(f"JupyterLab does not run cell {cell}")

    def says(self, cell: int, text: str) -> None:
        """Run a cell until it prints a text: a setting may reach the kernel after the first run was asked for."""
        for _ in range(4):
            with contextlib.suppress(AssertionError):
                expect(self.run(cell).locator(".jp-OutputArea-output")).to_contain_text(text, timeout=4000)
                return
        expect(self.run(cell).locator(".jp-OutputArea-output")).to_contain_text(text)


def test_the_race_lives_in_jupyterlab_and_python_sees_the_readers_settings(
    visit: Callable[..., Visit], lab: Callable[[str], str]
) -> None:
    page = visit(height=1100).page
    notebook = Notebook(page, lab("race"), len(NOTEBOOKS["race"]))
    figure = notebook.run(0).locator(".nn-race")
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

    notebook.says(1, "rate 0.6 start [-4.79, 2.0]")

    notebook.says(2, "moved")
    expect(figure.get_by_role("radio", name="Saddle")).to_be_checked()
    expect(figure.get_by_role("slider", name="number of steps")).to_have_attribute("aria-valuetext", "30")


def test_the_graph_lives_in_jupyterlab_and_moves_when_python_sets_its_inputs(
    visit: Callable[..., Visit], lab: Callable[[str], str]
) -> None:
    page = visit(height=1100).page
    notebook = Notebook(page, lab("graph"), len(NOTEBOOKS["graph"]))
    figure = notebook.run(0).locator(".nn-graph")
    figure.wait_for(timeout=40_000)
    gradient = figure.locator("[data-node=x0] text.nn-of-gradient")
    expect(gradient).to_have_text("17")
    figure.get_by_role("slider", name="input x1").focus()
    page.keyboard.press("ArrowLeft")
    expect(gradient).to_have_text("16")
    figure.get_by_role("button", name="Back").click()
    expect(figure.get_by_role("slider", name="Stage shown")).to_have_value("18")

    notebook.says(1, "x1 2.5 stage 18 gradient 16.0")

    notebook.says(2, "moved")
    expect(figure.get_by_role("radio", name="Used twice")).to_be_checked()
    expect(figure.get_by_role("slider", name="input x")).to_have_attribute("aria-valuetext", "−1")
    expect(figure.locator("[data-node=a] text.nn-of-gradient")).to_have_text("−2")


def test_the_explorer_lives_in_jupyterlab_and_python_sees_the_point(
    visit: Callable[..., Visit], lab: Callable[[str], str]
) -> None:
    page = visit(height=1100).page
    notebook = Notebook(page, lab("explorer"), len(NOTEBOOKS["explorer"]))
    figure = notebook.run(0).locator(".nn-explorer")
    figure.wait_for(timeout=40_000)
    point = figure.get_by_role("slider", name="Point z")
    expect(point).to_have_attribute("aria-valuetext", "z = 0, value 0.5, slope 0.25")
    point.focus()
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowLeft")
    expect(point).to_have_attribute("aria-valuetext", re.compile("^z = 0.9, "))
    figure.get_by_role("slider", name="weight").focus()
    page.keyboard.press("ArrowRight")

    notebook.says(1, "z 0.9 weight 1.2 slope 0.2055")

    notebook.says(2, "moved")
    expect(figure.get_by_role("radio", name="ReLU", exact=True)).to_be_checked()
    expect(point).to_have_attribute("aria-valuetext", "z = −2, value 0, slope 0, flat")


def test_the_signal_propagation_lives_in_jupyterlab(visit: Callable[..., Visit], lab: Callable[[str], str]) -> None:
    page = visit(height=1100).page
    notebook = Notebook(page, lab("propagation"), len(NOTEBOOKS["propagation"]))
    figure = notebook.run(0).locator(".nn-propagation")
    figure.wait_for(timeout=40_000)
    figure.get_by_role("slider", name="gain").focus()
    page.keyboard.press("ArrowRight")
    figure.get_by_role("radio", name="Xavier").check(force=True)
    expect(figure.locator(".nn-verdict")).to_contain_text("Xavier weights, ReLU")

    notebook.says(1, "scheme xavier gain 1.1")

    notebook.says(2, "moved")
    expect(figure.get_by_role("radio", name="Tanh")).to_be_checked()
    expect(figure.get_by_role("slider", name="gain")).to_have_attribute("aria-valuetext", "0.5")


def test_the_playground_trains_in_jupyterlab_and_python_sees_the_remedy_that_was_chosen(
    visit: Callable[..., Visit], lab: Callable[[str], str]
) -> None:
    page = visit(height=1100).page
    notebook = Notebook(page, lab("playground"), len(NOTEBOOKS["playground"]))
    figure = notebook.run(0).locator(".nn-playground")
    figure.wait_for(timeout=40_000)
    expect(figure.locator(".nn-verdict")).to_contain_text("After 100 of 100 epochs", timeout=40_000)
    figure.get_by_role("radio", name="Weight decay").check(force=True)
    expect(figure.get_by_role("slider", name="weight decay")).to_have_attribute("aria-valuetext", "0.01")
    expect(figure.locator(".nn-verdict")).to_contain_text("Without a remedy", timeout=40_000)
    validation = figure.locator(".nn-readout b").nth(1).inner_text()

    notebook.says(1, f"decay 0.01 validation {validation}")

    notebook.says(2, "moved")
    expect(figure.get_by_role("radio", name="XOR")).to_be_checked()
    expect(figure.get_by_role("checkbox", name="stop early")).to_be_checked()
