"""Execute, normalise and verify the notebooks: ``python -m tests.notebooks write`` or ``verify``.

A committed notebook carries the text of its outputs, so that nbval can compare them, and no pictures, widgets or
times, so that executing it again changes nothing. Chapters and solutions are compared output by output; where the
real image files of a notebook's data sets are missing it runs without comparison and the summary says so. The labs
as students get them run without comparison, to the last cell.
"""

import argparse
import copy
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from tqdm import tqdm

from nnutils import data

ROOT = Path(__file__).resolve().parent.parent
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_CELL_METADATA = ("tags", "mystnb", "nbgrader", "editable", "deletable")


def sources() -> list[Path]:
    """Return the notebooks whose outputs are committed: chapters and solutions."""
    return sorted([*ROOT.glob("chapters/*.ipynb"), *ROOT.glob("solutions/*/lab*.ipynb")])


def releases() -> list[Path]:
    """Return the labs as students get them."""
    return sorted(ROOT.glob("labs/*/lab*.ipynb"))


def normalise(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook as it is committed: what changes from run to run or weighs too much is dropped."""
    tidy = copy.deepcopy(notebook)
    tidy.metadata = NotebookNode(
        {key: value for key, value in tidy.metadata.items() if key in ("nnutils", "mystnb")},
        kernelspec=KERNEL,
        language_info={"name": "python"},
    )
    count = 0  # nbval takes a cell without a count for one that was never run
    for cell in tidy.cells:
        cell.metadata = NotebookNode({key: value for key, value in cell.metadata.items() if key in _CELL_METADATA})
        if cell.cell_type == "code":
            count += 1
            cell.execution_count = count
            outputs = (_normalise_output(output, count) for output in cell.outputs)
            cell.outputs = [output for output in outputs if output is not None]
    return tidy


def _normalise_output(output: NotebookNode, count: int) -> NotebookNode | None:
    if "data" not in output:
        return output
    html = "".join(output.data.get("text/html", ""))
    for kind in list(output.data):
        if kind.startswith("image/") or "widget" in kind or (kind == "text/html" and "nn-figure" in html):
            del output.data[kind]
    output.metadata = NotebookNode()
    if "execution_count" in output:
        output.execution_count = count
    return output if output.data else None


def faults(notebook: NotebookNode, name: str) -> Iterator[str]:
    """Say what is wrong with a committed notebook, one sentence for each fault."""
    if normalise(notebook) != notebook:
        yield f"{name}: not normalised; run make notebooks"
    ids = [cell.get("id") for cell in notebook.cells]
    if None in ids or len(set(ids)) != len(ids):
        yield f"{name}: a cell has no id, or two have the same"
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        where = f"{name}, cell {cell.get('id')}"
        lines = cell.source.count("\n") + 1
        about = cell.metadata.get("nbgrader")
        most = 25 if about is None else 40 if about.get("grade") else lines  # an answer has its docstrings
        if lines > most:
            yield f"{where}: {lines} lines of code, expected {most} at most"
        text = str(cell.outputs)
        if " at 0x" in text:
            yield f"{where}: an output holds an address (' at 0x')"
        if any(output.output_type == "error" for output in cell.outputs):
            yield f"{where}: an error is stored as output"
        if "plt." in cell.source and "plt.show()" in cell.source and not _alt(cell):
            yield f"{where}: a figure without alternative text (metadata mystnb.image.alt)"
        if "plt.subplots" in cell.source and "plt.show()" not in cell.source and "def " not in cell.source:
            yield f"{where}: a plotting cell does not end in plt.show()"


def _alt(cell: NotebookNode) -> str:
    return cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")


def strict(path: Path) -> bool:
    """Say whether the outputs of a notebook can be compared here: all its data sets are at hand."""
    names = nbformat.read(path, 4).metadata.get("nnutils", {}).get("data", [])
    return all(data.available(name) for name in names)


def write(paths: list[Path]) -> None:
    """Execute notebooks in their folders and store their normalised outputs."""
    for path in tqdm(paths, unit="notebook", leave=False):
        notebook = nbformat.read(path, 4)
        resources = {"metadata": {"path": str(path.parent)}}
        options = {"timeout": 300, "kernel_name": "python3", "coalesce_streams": True}
        NotebookClient(notebook, resources=resources, **options).execute()
        nbformat.write(normalise(notebook), path)
        print(f"{path.relative_to(ROOT)}: executed")


def verify(paths: list[Path]) -> int:
    """Run notebooks under nbval, chapters and solutions with comparison where their data are at hand."""
    compare = [path for path in paths if path not in releases() and strict(path)]
    only_run = [path for path in paths if path not in compare]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}  # where the plugin is
    code = 0
    for flag, group in (("--nbval", compare), ("--nbval-lax", only_run)):
        if group:
            command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.nbval_text"]
            command += [flag, "--nbval-cell-timeout=300", "-n", str(min(2, len(group))), "--dist", "loadfile"]
            code |= subprocess.call([*command, *map(str, group)], cwd=ROOT, env=environment)
    for path in only_run:
        if path not in releases():
            print(f"NOT COMPARED: {path.relative_to(ROOT)} (its data are not under {data.folder()}; set NNUTILS_DATA)")
    print(f"{len(compare)} notebooks compared, {len(only_run)} run without comparison")
    return code


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.notebooks", description=__doc__)
    parser.add_argument("what", choices=["write", "verify"])
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks (all, if none is named)")
    arguments = parser.parse_args()
    os.environ.update(NNUTILS_DEVICE=os.environ.get("NNUTILS_DEVICE", "cpu"), TQDM_DISABLE="1")
    paths = [path.resolve() for path in arguments.paths]
    for path in paths or [*sources(), *releases()]:
        try:
            nbformat.read(path, 4)
        except (OSError, ValueError, nbformat.validator.ValidationError) as error:
            why = "there is no such file" if isinstance(error, OSError) else "it is not a valid notebook"
            print(f"notebooks: cannot read {path}: {why}; nothing was run", file=sys.stderr)
            return 2
    if arguments.what == "write":
        write(paths or sources())
        return 0
    return verify(paths or [*sources(), *releases()])


if __name__ == "__main__":
    sys.exit(main())
