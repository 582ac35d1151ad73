"""Each chapter runs to its end where there are neither image files nor a network: on the digits, and says so."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

CHAPTERS = sorted((Path(__file__).parents[2] / "chapters").glob("[0-9][0-9]_*.ipynb"))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_runs_on_the_digits(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"NNUTILS_DATA": tmp_path, "XDG_CACHE_HOME": tmp_path, "HOME": tmp_path}.items():
        monkeypatch.setenv(name, str(value))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.delenv("no_proxy", raising=False)
    nb = nbformat.read(path, as_version=4)
    NotebookClient(nb, timeout=300, resources={"metadata": {"path": str(path.parent)}}).execute()
    said = any("these are the digits" in str(out) for cell in nb.cells for out in cell.get("outputs", ()))
    assert said == any('load("fashion_mnist"' in c.source or 'load("mnist"' in c.source for c in nb.cells)
