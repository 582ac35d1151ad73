"""What holds the chapters to their promises: each equation has a test that pins its text, each topic a place."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import nbformat

ROOT = Path(__file__).resolve().parents[2]
_EQUATION = re.compile(r"\$\$((?:(?!\$\$).)+)\$\$ \((eq-[a-z0-9-]+)\)", re.S)
_ANCHOR = re.compile(r"^\(([a-z0-9-]+)\)=$|^:(?:name|label): ([a-z0-9-]+)$", re.M)
_Test = TypeVar("_Test", bound=Callable[..., Any])


def markdown(notebook: Path) -> str:
    """Return the text of all Markdown cells."""
    return "\n\n".join(cell.source for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "markdown")


def equations(text: str) -> dict[str, str]:
    """Return label -> LaTeX of the labelled equations, runs of white space as one blank."""
    found = [(label, " ".join(latex.split())) for latex, label in _EQUATION.findall(text)]
    assert len(found) == len(dict(found)), "an equation label is used twice"
    return dict(found)


def labels(text: str) -> set[str]:
    """Return every label that a link can point to: headings, paragraphs, directives, equations."""
    return {a or b for a, b in _ANCHOR.findall(text)} | set(equations(text))


def printed(latex: str) -> Callable[[_Test], _Test]:
    """Mark a test with the equation that it evaluates, as the chapter prints it."""

    def mark(test: _Test) -> _Test:
        test.printed = latex  # type: ignore[attr-defined]
        return test

    return mark


def equation_faults(text: str, tests: Mapping[str, Any]) -> Iterator[str]:
    """Compare a chapter's labelled equations with the tests ``test_eq_...`` (name -> function), both ways.

    An equation without a test, a test without its equation, and an equation whose text is not the one that its test
    was written for are faults, one sentence each.
    """
    in_chapter = equations(text)
    in_tests = {
        name.removeprefix("test_").replace("_", "-"): getattr(test, "printed", None)
        for name, test in tests.items()
        if name.startswith("test_eq_")
    }
    for label in sorted(in_chapter.keys() - in_tests.keys()):
        yield f"{label}: no test of this name"
    for label in sorted(in_tests.keys() - in_chapter.keys()):
        yield f"{label}: tested, but not in the chapter"
    for label in sorted(in_chapter.keys() & in_tests.keys()):
        if in_chapter[label] != in_tests[label]:
            yield f"{label}: the chapter prints {in_chapter[label]}, its test evaluates {in_tests[label]}"


def coverage_faults(
    coverage: Mapping[str, Mapping[str, str]], wanted: Collection[str], texts: Mapping[str, str]
) -> Iterator[str]:
    """Check that each wanted topic or erratum is mapped to a label that exists (``texts``: notebook -> Markdown)."""
    for topic in sorted(set(wanted) - coverage.keys()):
        yield f"{topic}: not covered"
    for topic, place in coverage.items():
        if place["notebook"] not in texts:
            yield f"{topic}: there is no notebook {place['notebook']}"
        elif place["label"] not in labels(texts[place["notebook"]]):
            yield f"{topic}: {place['notebook']} has no label {place['label']}"
