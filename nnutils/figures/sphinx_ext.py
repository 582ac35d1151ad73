"""The course's own Sphinx extension: interactive figures, quizzes and clean notebook downloads on the website.

It joins the JavaScript of each figure, adds scripts and style to the pages that hold a figure or a quiz, and removes
what those pages do not need: the widget state for a kernel that is not there. It executes chapters anew when the
package they import has changed, as many at once as there are cores. The notebooks offered for download hold no outputs.
The pages about the package's rooms, which Sphinx makes from docstrings, get a table of what a room offers.
"""

import hashlib
import json
import re
import shutil
import sys
from collections.abc import Callable
from inspect import cleandoc, isclass, isroutine
from pathlib import Path
from typing import Any

from docutils import nodes
from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.inspect import signature, stringify_signature
from traitlets import HasTraits, TraitType

from nnutils import data

from . import bundle

__all__ = ["setup"]

SCRIPTS, STYLE = bundle.site_scripts(), "figures.css"
# The theme leaves the logo outside all landmarks, where screen readers that go from one to the next miss it.
LOGO = '<nav aria-label="Start page">{% include "components/navbar-logo.html" %}</nav>\n'
OPTION = re.compile(r'<details class="quiz-option".*?</details>', re.DOTALL)
# Sphinx 7 writes Callable[..., X] with one pair of brackets too many.
_PARTS = [f'<span class="p"><span class="pre">{part}</span></span>' for part in ("[", "...", "]")]
SIGNATURE = re.compile(r'<dt class="sig .*?</dt>', re.DOTALL)
LISTED = re.compile(r'(?<=<span class="pre">)\w+(?=</span></code></a>)')
MATHS = re.compile(r"(?<![\\$])\$(?![\s$])([^$<]+?)(?<![\s\\])\$(?!\d)")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension and return what Sphinx, which calls this, wants to know of it.

    Examples
    --------
    >>> from unittest.mock import Mock
    >>> setup(Mock())["parallel_read_safe"]
    True
    """
    app.connect("config-inited", _choose_cache)
    app.connect("config-inited", _write_assets)
    app.connect("env-before-read-docs", _execute_side_by_side)
    app.connect("html-page-context", _complete_page, priority=400)  # before MyST-NB adds the widget state at 500
    app.connect("html-page-context", _one_download, priority=900)  # after the theme made its buttons at 501
    app.connect("html-page-context", _name_toggles, priority=900)
    app.connect("build-finished", _clean_downloads)
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _complete_docstring)
    app.connect("autodoc-process-signature", _own_signature)
    app.connect("autodoc-skip-member", _leave_out)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _choose_cache(app: Sphinx, config: Config) -> None:
    """Keep executed notebooks in a folder named after what their outputs depend on beside their own code.

    These are the course's package, the exact environment and the data files that are at hand.
    """
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in [
        *sorted(package.rglob("*.py")),
        *sorted(package.rglob("*.json")),
        Path(app.srcdir) / "requirements.txt",
    ]:
        if path.exists():
            digest.update(path.read_bytes())
    digest.update(" ".join(sorted(path.name for path in data.folder().glob("*/raw/*.gz"))).encode())
    folder = config.nb_execution_cache_path or Path(app.outdir).parent / ".jupyter_cache"
    cache = Path(f"{folder}-{digest.hexdigest()[:12]}")
    for old in set(cache.parent.glob(f"{cache.name[:-12]}*")) - {cache}:
        shutil.rmtree(old)
    config.nb_execution_cache_path = str(cache)


def _execute_side_by_side(app: Sphinx, env: BuildEnvironment, names: list[str]) -> None:
    """Execute chapters that the cache does not hold; MyST-NB, which takes page after page, then finds them there.

    What fails here is executed again by MyST-NB, which reports the error.
    """
    chapters = [path for name in names if (path := Path(env.doc2path(name))).suffix == ".ipynb"]
    if app.config.nb_execution_mode == "cache" and len(chapters) > 1:
        cache = get_cache(app.config.nb_execution_cache_path)
        keys = [cache.add_nb_to_project(str(path)).pk for path in chapters]
        executor = load_executor("local-parallel", cache)
        executor.run_and_cache(filter_pks=keys, timeout=app.config.nb_execution_timeout)


def _write_assets(app: Sphinx, config: Config) -> None:
    build = Path(app.doctreedir).parent
    texts = {
        **{build / "figures" / file: text for file, text in SCRIPTS.items()},
        build / "figures" / STYLE: (bundle.HERE / STYLE).read_text(encoding="utf-8"),
        build / "templates" / "navbar-logo.html": LOGO,
    }
    for file, text in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
    config.html_static_path = [*config.html_static_path, str(build / "figures")]
    config.templates_path = [*config.templates_path, str(build / "templates")]


def _complete_page(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    # Docutils puts entries of a bibliography in a list without making them its items.
    body = context.get("body", "").replace('role="doc-biblioentry"', 'role="listitem"')
    body = SIGNATURE.sub(_plain_signature, body).replace("".join(_PARTS), _PARTS[1])
    body = LISTED.sub(lambda name: name[0].replace("_", "_<wbr>"), body)  # where a long name may break
    if 'class="nn-figure"' in body or 'class="quiz"' in body:
        for name in bundle.FIGURES:
            if f'data-figure="{name}"' in body:
                app.add_js_file(f"figure-{name}.js", loading_method="defer")
        app.add_js_file("figures.js", loading_method="defer")
        app.add_css_file(STYLE)
        body = OPTION.sub(lambda option: MATHS.sub(_maths, option[0]), body)
    if "body" in context:
        context["body"] = body
    for key in [key for key in _scripts_of(app, page) if key.startswith("ipywidgets_")]:
        del _scripts_of(app, page)[key]
    # Jupyter Book adds Thebe's settings to every page, twice, which is an error in the browser; no page uses Thebe.
    scripts = context.get("script_files", [])
    scripts[:] = [one for one in scripts if "thebe" not in f"{one.filename} {one.attributes}".lower()]


def _plain_signature(found: re.Match[str]) -> str:
    """Turn the lines of a long signature, which Sphinx makes a definition list without terms, into lines."""
    text = found[0]
    for tag, name in (("dl", "sig-parameters"), ("dd", "sig-parameter")):
        text = text.replace(f"<{tag}>", f'<span class="{name}">').replace(f"</{tag}>", "</span>")
    return text


def _maths(found: re.Match[str]) -> str:
    """Mark ``$...$`` that stands in plain HTML, where Markdown does not see it, for MathJax."""
    return rf'<span class="math notranslate nohighlight">\({found[1]}\)</span>'


def _scripts_of(app: Sphinx, page: str) -> dict[str, Any]:
    """Return the scripts that MyST-NB keeps for a page."""
    return getattr(app.env, "nb_metadata", {}).get(page, {}).get("js_files", {})


def _one_download(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Keep one ``.ipynb`` in the download menu of a page that is a notebook: its source."""
    if context.get("page_source_suffix") == ".ipynb":
        for group in context.get("header_buttons", []):
            if group.get("label") == "download-buttons":
                group["buttons"] = [one for one in group["buttons"] if one["label"] != "download-notebook-button"]


def _name_toggles(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give the arrows that open a part of the navigation a name, which the theme leaves out, for screen readers."""
    draw: Callable[..., Any] = context.get("generate_toctree_html", str)

    def draw_named(*arguments: Any, **options: Any) -> Any:
        tree = draw(*arguments, **options)
        for toggle in [] if isinstance(tree, str) else tree.find_all("summary"):
            toggle["aria-label"] = "Show or hide its pages"
        return tree

    context["generate_toctree_html"] = draw_named


def _clean_downloads(app: Sphinx, failure: Exception | None) -> None:
    if failure or app.builder.format != "html":
        return
    for page in app.env.found_docs:
        source = Path(app.env.doc2path(page))
        target = Path(app.outdir) / "_sources" / f"{page}.ipynb"
        if source.suffix == ".ipynb" and target.exists():
            target.write_text(without_outputs(source.read_text(encoding="utf-8")), encoding="utf-8")


def _complete_docstring(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Put under the docstring of a module where its text is, a table of what it offers, and constants from elsewhere.

    In a room that is a folder, a constant has its comment in a module of the folder, where autodoc does not look.
    """
    if what == "property" and any(line.startswith(":type:") for line in lines):
        lines[:] = cleandoc(thing.__doc__).splitlines()  # napoleon takes words before a colon for a type
    if what != "module":
        return
    source = Path(thing.__file__).relative_to(Path(__file__).parents[2]).as_posix().removesuffix("/__init__.py")
    address = f"{app.config.html_theme_options['repository_url']}/blob/main/{source}"
    own, inner = _comments(name), [part for part in sys.modules if part.startswith(f"{name}.")]
    elsewhere = {key: text for part in inner for key, text in _comments(part).items() if key in thing.__all__}
    listed = [
        key for key in thing.__all__ if key in own or isclass(getattr(thing, key)) or isroutine(getattr(thing, key))
    ]
    table = [".. autosummary::", "   :nosignatures:", "", *(f"   {key}" for key in listed)]
    lines += ["", f"Source: `{source} <{address}>`__", "", *table, ""]
    for key, text in sorted(elsewhere.items()):
        lines += [f".. py:data:: {key}", "", *(f"   {line}" for line in text), ""]


def _comments(module: str, scope: str = "") -> dict[str, list[str]]:
    """Return what the text of a module, or a class in it, says of its names: comments ``#:`` and strings below."""
    documented = ModuleAnalyzer.for_module(module).find_attr_docs()
    return {name: text for (place, name), text in documented.items() if place == scope}


def _own_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, arguments: str | None, result: str | None
) -> tuple[str, None] | None:
    """Give a widget the signature of its own ``__init__``, where autodoc takes that of a base class."""
    if not (isclass(thing) and issubclass(thing, HasTraits)):
        return None
    own = signature(thing.__init__, bound_method=True)
    return stringify_signature(own, show_return_annotation=False, unqualified_typehints=True), None


def _leave_out(app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what the docstring of a class tells already: the traits of a widget, the fields of a named tuple."""
    if str(getattr(thing, "__doc__", "")).startswith("Alias for field number"):
        place = app.env.temp_data
        owner = getattr(sys.modules[place["autodoc:module"]], place["autodoc:class"])
        return None if name in _comments(owner.__module__, owner.__qualname__) else True
    return True if isinstance(thing, TraitType) else None


def without_outputs(text: str) -> str:
    """Return a notebook's JSON without outputs, execution counts and widget state."""
    notebook = json.loads(text)
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
