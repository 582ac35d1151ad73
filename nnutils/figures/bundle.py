"""Join the JavaScript files of this folder, without a build tool.

The files are ES modules that import only each other, one ``import`` statement a line. ``module`` gives one figure
as a module of its own, which is what anywidget shows in a live notebook. ``site_scripts`` gives the website's classic
scripts, since a browser refuses modules on pages opened from a folder (``file://``): one for each figure, which a page
loads when it holds that figure, and one with the loader and the quiz, which comes after them.
"""

import re
from pathlib import Path

__all__ = ["FIGURES", "module", "site_scripts"]

HERE = Path(__file__).parent
FIGURES = ("race", "graph", "explorer", "propagation", "playground")
IMPORT = re.compile(r'^import (?P<what>.+?) from "\./(?P<file>[\w.]+)".*;\n', re.MULTILINE)


def module(name: str) -> str:
    """Return the figure's module ``<name>.js`` with everything it imports in front of it, as one ES module.

    Examples
    --------
    >>> "export default" in module("race")
    True
    """
    seen: set[str] = set()

    def with_imports(file: str) -> str:
        text = (HERE / file).read_text(encoding="utf-8")
        before = ""
        for found in IMPORT.finditer(text):
            if found["file"] in seen:
                continue
            seen.add(found["file"])
            if found["file"].endswith(".json"):
                before += f"const {found['what']} = {(HERE / found['file']).read_text(encoding='utf-8').strip()};\n"
            else:
                before += with_imports(found["file"])
        return before + IMPORT.sub("", text)

    return with_imports(f"{name}.js")


def site_scripts() -> dict[str, str]:
    """Return the website's scripts by file name, in the order in which a page loads those that it needs.

    ``figure-<name>.js`` keeps a function that makes the figure when it is called; ``figures.js`` calls it.

    Examples
    --------
    >>> list(site_scripts())  # doctest: +ELLIPSIS
    ['figure-race.js', 'figure-graph.js', ..., 'figures.js']
    """
    scripts = {}
    for name in FIGURES:
        text = re.sub(r"^export default ", "return ", module(name), flags=re.MULTILINE)
        text = re.sub(r"^export \{.*\};\n", "", text, flags=re.MULTILINE)
        text = re.sub(r"^export ", "", text, flags=re.MULTILINE)
        scripts[f"figure-{name}.js"] = f'(globalThis.nnFigures ??= {{}}).{name} = () => {{\n"use strict";\n{text}}};\n'
    own = "".join((HERE / file).read_text(encoding="utf-8") for file in ("loader.js", "quiz.js"))
    return {**scripts, "figures.js": f'(() => {{\n"use strict";\n{own}}})();\n'}
