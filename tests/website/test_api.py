"""The pages about the package: each public name of each room stands on its room's page, and nothing else does."""

import importlib
import re
from pathlib import Path

import pytest

import nnutils


def described(html: str, room: str) -> list[str]:
    """Return the names that a page describes, those of methods and fields left out."""
    return sorted(re.findall(rf'<dt class="sig [^"]*" id="nnutils\.{room}\.([^".]+)">', html))


def public(room: str) -> list[str]:
    return sorted(importlib.import_module(f"nnutils.{room}").__all__)


@pytest.mark.parametrize("room", nnutils.__all__)
def test_the_page_of_a_room_describes_its_public_names_and_no_others(site: Path, room: str) -> None:
    html = (site / "chapters" / "api" / f"{room}.html").read_text(encoding="utf-8")
    assert described(html, room) == public(room)


@pytest.mark.parametrize(("name", "instead"), [("Adam", "adam_"), ("Adam", "_hidden"), ("RULES", "Optimizer")])
def test_a_name_that_is_missing_or_private_is_found(site: Path, name: str, instead: str) -> None:
    html = (site / "chapters" / "api" / "optim.html").read_text(encoding="utf-8")
    assert f'id="nnutils.optim.{name}"' in html
    changed = html.replace(f'id="nnutils.optim.{name}"', f'id="nnutils.optim.{instead}"')
    assert described(changed, "optim") != public("optim")


def test_signatures_are_written_as_people_write_them(site: Path) -> None:
    for page in sorted((site / "chapters" / "api").glob("*.html")):
        text = re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))
        assert not re.search(r"\[\[\.\.\.\]|t\.Any|&lt;function|at 0x|Alias for field", text), page.name
