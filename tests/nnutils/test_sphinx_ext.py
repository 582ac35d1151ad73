"""The course's Sphinx extension on a small book: pages about a room, a page with a figure and a quiz."""

import io
import json
import re
import sys
from html import unescape

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from nnutils.figures import sphinx_ext

ROOM = {
    "__init__.py": '''
"""A room that is a folder."""
from scratch_room.inner import COLOR, Pair, Widget, apply
__all__ = ["COLOR", "LIMIT", "Pair", "Widget", "apply"]

#: The largest number.
LIMIT = 3
''',
    "inner.py": '''
"""Where the names come from."""
from collections.abc import Callable
from typing import NamedTuple
import traitlets

__all__ = ["COLOR", "HIDDEN", "Pair", "Widget", "apply"]

#: The colour of everything.
COLOR = "#0072b2"

#: Not offered by the room.
HIDDEN = 0

class Pair(NamedTuple):
    """Two numbers."""

    left: float
    right: float
    """The other one."""

class Widget(traitlets.HasTraits):
    """Something to move."""

    speed = traitlets.Float(1.0)

    def __init__(self, speed: float = 1.0, *, name: str = "w") -> None:
        super().__init__(speed=speed)

    @property
    def state(self) -> dict[str, float]:
        """The settings as plain data: what the page starts from."""

def apply(function: Callable[..., float], times: int = 2) -> float:
    """Return what it gives.

    Parameters
    ----------
    times : int
        How often.
    """
''',
}
PAGE = """# Start

```{toctree}
room
```
"""
EXTENSIONS = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
FIGURE = '<div class="nn-figure" data-figure="race" data-name="race" data-state="{}"></div>'
QUIZ = (
    '<div class="quiz"><details class="quiz-option"><summary>It is $x^2$, not \\$5</summary><p>Yes</p></details></div>'
)


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Build the book once; return its pages by name, the folder, and the warnings."""
    root = tmp_path_factory.mktemp("book")
    for name, text in ROOM.items():
        (root / "scratch_room").mkdir(exist_ok=True)
        (root / "scratch_room" / name).write_text(text)
    cells = [new_markdown_cell("# A notebook"), new_markdown_cell(QUIZ), new_code_cell("figure", execution_count=1)]
    cells[-1].outputs = [new_output("display_data", data={"text/html": FIGURE, "text/plain": "figure"})]
    notebook = new_notebook(cells=cells, metadata={"language_info": {"name": "python", "pygments_lexer": "ipython3"}})
    source = root / "source"
    source.mkdir()
    nbformat.write(notebook, source / "notebook.ipynb")
    (source / "index.md").write_text(PAGE)
    (source / "room.md").write_text(
        "# room\n\n```{eval-rst}\n.. automodule:: scratch_room\n```\n\n```{toctree}\nnotebook\n```\n"
    )
    settings = {
        "extensions": [*EXTENSIONS, "nnutils.figures.sphinx_ext"],
        "html_theme": "sphinx_book_theme",
        "html_theme_options": {"repository_url": "https://github.com/example/course"},
        "autodoc_default_options": {"members": True},
        "autodoc_typehints_format": "short",
        "python_maximum_signature_line_length": 40,
        "nb_execution_mode": "off",
    }
    warnings = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, docutils_namespace():
        patch.syspath_prepend(str(root))
        patch.setattr(sphinx_ext, "__file__", str(root / "nnutils" / "figures" / "sphinx_ext.py"))
        app = Sphinx(source, None, root / "html", root / "doctrees", "html", settings, status=None, warning=warnings)
        app.build()
    for name in [name for name in sys.modules if name.startswith("scratch_room")]:
        del sys.modules[name]
    pages = {name: (root / "html" / f"{name}.html").read_text() for name in ("index", "room", "notebook")}
    return pages, root / "html", warnings.getvalue()


def words(html):
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())


def described(page, name):
    """The text under one name of the room, its signature included."""
    start = page.index(f'id="scratch_room.{name}"')
    return words(page[page.rindex("<dt", 0, start) : page.index("</dl>", start)])


def test_the_book_builds_without_a_warning(book):
    assert book[2] == ""


def test_a_room_gets_a_link_to_its_text_and_a_table_of_what_it_offers(book):
    page = book[0]["room"]
    assert 'href="https://github.com/example/course/blob/main/scratch_room"' in page
    (table,) = re.findall(r'<table class="autosummary.*?</table>', page, re.DOTALL)
    rows = [words(row) for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)]
    assert [row.partition("(")[0].split()[0] for row in rows] == ["LIMIT", "Pair", "Widget", "apply"]
    assert rows[0] == "LIMIT The largest number."


def test_a_constant_is_described_where_it_stands_and_where_it_is_offered(book):
    page = book[0]["room"]
    assert "The largest number." in described(page, "LIMIT")
    assert "The colour of everything." in described(page, "COLOR")
    assert "HIDDEN" not in page


def test_a_type_of_any_arguments_is_written_as_in_the_text(book):
    assert "Callable[..., float]" in described(book[0]["room"], "apply")


def test_the_lines_of_a_long_signature_are_no_list_without_terms(book):
    page = book[0]["room"]
    assert page.count('<span class="sig-parameter">') >= 2
    assert not re.search(r"<dl>\s*<dd>", page)


def test_an_arrow_of_the_navigation_has_a_name(book):
    toggles = re.findall(r"<summary[^>]*>", book[0]["index"])
    assert toggles
    assert all("aria-label" in toggle for toggle in toggles)


def test_a_field_that_says_nothing_is_left_out(book):
    page = book[0]["room"]
    assert 'id="scratch_room.Pair.left"' not in page
    assert "The other one." in described(page, "Pair.right")


def test_a_widget_has_its_own_signature_and_no_list_of_traits(book):
    page = book[0]["room"]
    assert "Widget( speed: float = 1.0, *, name: str = 'w', )" in described(page, "Widget")
    assert 'id="scratch_room.Widget.speed"' not in page


def test_a_property_keeps_its_sentence(book):
    assert "The settings as plain data: what the page starts from." in described(book[0]["room"], "Widget.state")


def test_only_the_page_with_the_figure_loads_its_scripts(book):
    pages, folder, _ = book
    for name in ("index", "room"):
        assert not re.search(r"figure[\w-]*\.(js|css)", pages[name])
    loaded = re.findall(r'src="_static/(figure[\w-]*\.js)', pages["notebook"])
    assert loaded == ["figure-race.js", "figures.js"]
    assert all((folder / "_static" / file).exists() for file in [*loaded, "figures.css"])


def test_maths_in_an_option_of_a_quiz_is_marked(book):
    page = book[0]["notebook"]
    assert r'<span class="math notranslate nohighlight">\(x^2\)</span>' in page


def test_the_notebook_for_download_holds_no_output(book):
    pages, folder, _ = book
    stored = json.loads((folder / "_sources" / "notebook.ipynb").read_text())
    assert [cell["outputs"] for cell in stored["cells"] if cell["cell_type"] == "code"] == [[]]
    assert len(re.findall(r'href="[^"]*\.ipynb"', pages["notebook"])) == 1
    assert "thebe" not in " ".join(re.findall(r"<script[^>]*>", pages["notebook"])).lower()


WAITING = """
import pathlib, time
pathlib.Path("{own}.started").touch()
while not pathlib.Path("{other}.started").exists():
    time.sleep(0.1)
print("both")
"""


def test_chapters_are_executed_side_by_side(tmp_path):
    """Each of two notebooks waits until the other has begun: one after the other, the first would never end."""
    names = ("left", "right")
    for own, other in (names, names[::-1]):
        cells = [new_markdown_cell(f"# {own}"), new_code_cell(WAITING.format(own=own, other=other))]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), tmp_path / f"{own}.ipynb")
    (tmp_path / "index.md").write_text("# Start\n\n```{toctree}\nleft\nright\n```\n")
    settings = {
        "extensions": [*EXTENSIONS, "nnutils.figures.sphinx_ext"],
        "exclude_patterns": ["build"],
        "nb_execution_mode": "cache",
        "nb_execution_timeout": 60,
        "nb_execution_raise_on_error": True,
    }
    build = tmp_path / "build"
    with docutils_namespace():
        Sphinx(tmp_path, None, build / "html", build / "doctrees", "html", settings, status=None).build()
    for name in names:
        assert "both" in words((build / "html" / f"{name}.html").read_text())
