"""The gates of the house, each tried on something sound and on a planted fault that must stop it."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from autograder.release import release
from tests import notebooks

ROOT = Path(__file__).resolve().parent.parent
REQUIRED = ["jupyter-book", "torch", "torchvision", "nbgrader", "nbval", "matplotlib", "ipywidgets", "pytest"]


def tracked(*patterns):
    names = subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in names.splitlines() if (ROOT / name).is_file()]


def imported_packages():
    """Every top-level package that tracked code imports, notebooks included."""
    texts = [path.read_text() for path in tracked("*.py")]
    for path in tracked("*.ipynb"):
        cells = nbformat.read(path, 4).cells
        texts += [
            "\n".join(line for line in c.source.splitlines() if not line.lstrip().startswith(("%", "!")))
            for c in cells
            if c.cell_type == "code"
        ]
    found = set()
    for text in texts:
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def pinned():
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    return {re.split(r"==", line)[0].strip().lower(): line for line in lines}


@pytest.mark.parametrize("package", REQUIRED)
def test_requirements_name_the_package_exactly_and_it_is_used(package):
    assert re.match(rf"{package}==[\d.]+(post\d+)?( ;|$)", pinned()[package])
    commands = (ROOT / "Makefile").read_text() + (ROOT / "tests/notebooks.py").read_text()
    used = {"jupyter-book": "jupyter-book build" in commands, "nbval": "--nbval" in commands}
    assert used.get(package, package in imported_packages())


def test_every_requirement_is_exact():
    assert all(re.match(r"[A-Za-z0-9_.-]+==[^ ;=]+( ; .+)?$", line) for line in pinned().values())


def test_every_cuda_wheel_is_for_linux_only():
    cuda = [line for name, line in pinned().items() if name.startswith(("nvidia-", "cuda-", "triton"))]
    assert len(cuda) > 10
    assert all("sys_platform == 'linux'" in line for line in cuda)


def test_the_pinned_pair_of_torch_and_torchvision_imports():
    import torch
    import torchvision

    for module in (torch, torchvision):
        assert pinned()[module.__name__].startswith(f"{module.__name__}=={module.__version__.partition('+')[0]}")
    torchvision.ops.nms(torch.tensor([[0.0, 0, 1, 1]]), torch.ones(1), 0.5)


def test_labs_are_what_the_solutions_generate():
    assert release(ROOT, check=True) == []


def test_nnutils_never_imports_the_autograder():
    for path in tracked("nnutils/*.py"):
        assert not re.search(r"^\s*(from|import) autograder", path.read_text(), re.M), path


def notebook(*cells):
    made = new_notebook(
        cells=list(cells), metadata={"kernelspec": notebooks.KERNEL, "language_info": {"name": "python"}}
    )
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number}"
    return made


@pytest.fixture
def book(tmp_path):
    """A small book with the course's own configuration."""
    shutil.copy(ROOT / "_config.yml", tmp_path)
    shutil.copytree(ROOT / "assets", tmp_path / "assets")
    (tmp_path / "references.bib").write_text("")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: page\n")

    def build(text="# Page", code="1 + 1"):
        nbformat.write(notebook(new_markdown_cell(text), new_code_cell(code)), tmp_path / "page.ipynb")
        command = ["jupyter-book", "build", str(tmp_path), "--all", "-W", "--keep-going"]
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
        return run.returncode, run.stdout + run.stderr

    return build


def test_a_sound_book_builds(book):
    code, log = book()
    assert code == 0, log


def test_a_cell_that_raises_stops_the_book(book):
    code, log = book(code="raise ValueError('planted')")
    assert code != 0
    assert "planted" in log


def test_a_warning_stops_the_book(book):
    code, log = book(text="# Page\n\n{ref}`no-such-label`")
    assert code != 0
    assert "no-such-label" in log


def stored(path, code, text):
    cell = new_code_cell(code, execution_count=1)
    cell.outputs = [new_output("stream", name="stdout", text=text)]
    nbformat.write(notebook(cell), path)
    return path


def test_nbval_accepts_a_notebook_whose_numbers_hold(tmp_path):
    assert notebooks.verify([stored(tmp_path / "a.ipynb", "print(1 + 1)", "2\n")]) == 0


def test_nbval_catches_a_changed_number(tmp_path):
    assert notebooks.verify([stored(tmp_path / "a.ipynb", "print(1 + 1)", "3\n")]) != 0


def test_nbval_catches_a_cell_that_raises(tmp_path):
    assert notebooks.verify([stored(tmp_path / "a.ipynb", "print(1 / 0)", "3\n")]) != 0


@pytest.mark.parametrize(("content", "why"), [(None, "there is no such file"), ("{", "it is not a valid notebook")])
def test_an_unreadable_notebook_is_named_in_one_sentence(content, why, tmp_path, monkeypatch, capsys):
    path = tmp_path / "a.ipynb"
    if content:
        path.write_text(content)
    monkeypatch.setattr(sys, "argv", ["notebooks", "verify", str(path)])
    assert notebooks.main() == 2
    assert capsys.readouterr().err == f"notebooks: cannot read {path}: {why}; nothing was run\n"


def test_a_notebook_whose_data_are_missing_runs_without_comparison_and_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NNUTILS_DATA", str(tmp_path))
    monkeypatch.setattr(notebooks, "ROOT", tmp_path)
    path = stored(tmp_path / "a.ipynb", "print(1 + 1)", "3\n")
    needs = nbformat.read(path, 4)
    needs.metadata["nnutils"] = {"data": ["fashion_mnist"]}
    nbformat.write(needs, path)
    assert notebooks.verify([path]) == 0
    assert "NOT COMPARED: a.ipynb" in capsys.readouterr().out


@pytest.mark.parametrize(
    "path", [*notebooks.sources(), *notebooks.releases()], ids=lambda path: path.parent.name + "/" + path.name
)
def test_a_committed_notebook_has_no_fault(path):
    committed = nbformat.read(path, 4)
    if path in notebooks.releases():
        committed = notebooks.normalise(committed)
    assert list(notebooks.faults(committed, path.name)) == []


def test_a_normalised_notebook_keeps_the_text_of_its_outputs():
    cell = new_code_cell("plt.show()")
    cell.outputs = [new_output("display_data", data={"image/svg+xml": "<svg/>", "text/plain": "<Figure>"})]
    tidy = notebooks.normalise(notebook(cell))
    assert tidy.cells[0].outputs[0].data == {"text/plain": "<Figure>"}
    assert notebooks.normalise(tidy) == tidy


@pytest.mark.parametrize(
    ("code", "output", "fault"),
    [
        ("\n".join(["x = 1"] * 26), None, "26 lines of code"),
        ("print(f)", "<function f at 0x7f00>", "holds an address"),
        ("fig, ax = plt.subplots()\nplt.show()", None, "without alternative text"),
        ("fig, ax = plt.subplots()", None, "does not end in plt.show()"),
    ],
)
def test_a_fault_in_a_notebook_is_named(code, output, fault):
    cell = new_code_cell(code)
    if output:
        cell.outputs = [new_output("stream", name="stdout", text=output)]
    assert any(fault in sentence for sentence in notebooks.faults(notebook(cell), "a.ipynb"))


@pytest.mark.parametrize(
    ("lines", "found"), [(40, []), (41, ["a.ipynb, cell cell-0: 41 lines of code, expected 40 at most"])]
)
def test_a_test_of_more_than_40_lines_is_a_fault(lines, found):
    cell = new_code_cell("\n".join(["x = 1"] * lines), execution_count=1)
    cell.metadata = {"nbgrader": {"grade": True, "grade_id": "q_visible", "points": 1}}
    assert [fault for fault in notebooks.faults(notebook(cell), "a.ipynb") if "normalised" not in fault] == found


def test_a_stored_picture_is_a_fault():
    cell = new_code_cell("1")
    cell.outputs = [new_output("display_data", data={"image/png": "AAAA", "text/plain": "<Figure>"})]
    assert list(notebooks.faults(notebook(cell), "a.ipynb")) == ["a.ipynb: not normalised; run make notebooks"]


def test_a_changed_package_or_new_data_means_a_new_cache_and_the_old_one_goes(tmp_path, monkeypatch):
    from types import SimpleNamespace

    from nnutils.figures import sphinx_ext

    package, images = tmp_path / "nnutils", tmp_path / "data"
    (package / "figures").mkdir(parents=True)
    monkeypatch.setattr(sphinx_ext, "__file__", str(package / "figures" / "sphinx_ext.py"))
    monkeypatch.setenv("NNUTILS_DATA", str(images))

    def choose():
        config = SimpleNamespace(nb_execution_cache_path=str(tmp_path / "cache"))
        sphinx_ext._choose_cache(SimpleNamespace(srcdir=tmp_path, outdir=tmp_path), config)
        Path(config.nb_execution_cache_path).mkdir(exist_ok=True)
        return config.nb_execution_cache_path

    seen = [choose(), choose()]
    (package / "train.py").write_text("lr = 1")
    seen.append(choose())
    (images / "MNIST" / "raw").mkdir(parents=True)
    (images / "MNIST" / "raw" / "images.gz").write_text("")
    seen.append(choose())
    assert seen[0] == seen[1]
    assert len(set(seen)) == 3
    assert [str(path) for path in tmp_path.glob("cache-*")] == [seen[-1]]
