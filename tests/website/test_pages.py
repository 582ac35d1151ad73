"""Every page of the site in a real browser: no errors, no foreign requests, readable, reachable, downloadable."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.conftest import find_chromium

from .conftest import Visit, eventually, find_site, pages_of, serve

COLAB = "https://colab.research.google.com/github/training-neural-networks/course/blob/main/"


def notebooks(site: Path, pages: list[str]) -> list[str]:
    return [page for page in pages if (site / "_sources" / page).with_suffix(".ipynb").exists()]


@pytest.mark.parametrize(
    ("planted", "problem"),
    [
        ('<img src="http://example.org/x.png" alt="x">', "foreign request: http://example.org/x.png"),
        ('<script src="https://cdn.example.org/lib.js"></script>', "foreign request: https://cdn.example.org/lib.js"),
        ('<img src="nowhere.png" alt="x">', "status 404"),
        ("<script>throw new Error('planted')</script>", "console: planted"),
    ],
)
def test_a_planted_fault_in_a_page_is_reported(
    visit: Callable[..., Visit], site: Path, pages: list[str], tmp_path: Path, planted: str, problem: str
) -> None:
    text = (site / pages[0]).read_text(encoding="utf-8")
    (tmp_path / "_static").symlink_to(site / "_static")
    (tmp_path / "page.html").write_text(text.replace("</main>", f"{planted}</main>"), encoding="utf-8")
    one = visit()
    with serve(tmp_path) as url:
        one.open(url + "page.html")
    assert any(problem in found for found in one.problems)


def test_pages_open_from_a_folder_without_a_server(
    visit: Callable[..., Visit], site: Path, figure_page: str, pages: list[str]
) -> None:
    one = visit()
    for page in (pages[0], figure_page):
        one.open((site / page).as_uri())
    one.page.locator(".nn-race").first.scroll_into_view_if_needed()
    assert one.page.locator(".nn-map-svg .nn-line").count() >= 1
    assert one.problems == []


@pytest.mark.parametrize("width", [400, 1280])
def test_the_menu_button_opens_and_closes_the_navigation(
    visit: Callable[..., Visit], address: str, pages: list[str], width: int
) -> None:
    page = visit(width=width).open(address + pages[0])
    menu = page.locator("nav.bd-links").first
    buttons = page.locator("button.primary-toggle:visible, button.pst-primary-sidebar-toggle:visible")
    before = menu.is_visible()
    assert before == (width > 992)
    buttons.first.click()
    eventually(page, lambda: in_view(page, menu) != before)
    if not before:
        menu.locator("a", has_text="Optimizers").first.click()
        page.wait_for_url("**/06_optimizers.html")
    else:
        page.locator("button.primary-toggle:visible").first.click()
        eventually(page, lambda: in_view(page, menu))


def in_view(page: Any, locator: Any) -> bool:
    """Whether a reader sees the element: visible, and within the window's sides."""
    box = locator.bounding_box() if locator.is_visible() else None
    return box is not None and box["x"] + box["width"] > 0 and box["x"] < page.viewport_size["width"]


def test_search_finds_nesterov(visit: Callable[..., Visit], address: str) -> None:
    one = visit()
    page = one.open(address + "search.html?q=Nesterov")
    page.locator("ul.search li a").first.wait_for()
    assert any(
        "06_optimizers.html" in (link.get_attribute("href") or "") for link in page.locator("ul.search li a").all()
    )
    assert one.problems == []


def test_maths_is_set(visit: Callable[..., Visit], address: str, figure_page: str) -> None:
    page = visit().open(address + figure_page)
    assert page.locator("mjx-container").count() > 0
    assert page.locator("mjx-merror").count() == 0
    left = page.locator("main .math:not(:has(mjx-container))").all_text_contents()
    assert left == []


def test_each_notebook_page_offers_its_clean_notebook_and_its_colab_link(
    visit: Callable[..., Visit], address: str, site: Path, pages: list[str]
) -> None:
    one = visit()
    found = notebooks(site, pages)
    assert found
    for name in found:
        page = one.open(address + name)
        download = page.locator(".dropdown-download-buttons a[href$='.ipynb']")
        assert download.count() == 1, name
        href = download.evaluate("(a) => a.href")
        answer = page.request.get(href)
        assert answer.ok
        notebook = nbformat.reads(answer.text(), as_version=4)
        nbformat.validate(notebook)
        assert all(cell.get("outputs", []) == [] for cell in notebook.cells)
        assert len(answer.body()) < 200_000
        colab = page.locator("a[href*='colab.research.google.com']").evaluate_all("(all) => all.map((a) => a.href)")
        assert colab == [COLAB + name.removesuffix(".html") + ".ipynb"]


def test_no_page_holds_widget_state_or_fetches_a_widget_library(site: Path, pages: list[str]) -> None:
    for page in pages:
        text = (site / page).read_text(encoding="utf-8")
        assert "widget-state+json" not in text, page
        assert not re.search(r"<script[^>]+src=\"https?://", text), page


def test_each_page_loads_the_scripts_of_its_own_figures_and_no_others(site: Path, pages: list[str]) -> None:
    for page in pages:
        text = (site / page).read_text(encoding="utf-8")
        figures = set(re.findall(r'class="nn-figure" data-figure="(\w+)"', text))
        needed = {f"figure-{name}.js" for name in figures}
        if figures or 'class="quiz"' in text:
            needed.add("figures.js")
        loaded = re.findall(r'src="[^"]*_static/(figure[\w-]*\.js)', text)
        assert set(loaded) == needed, page
        assert loaded[-1:] == ["figures.js"] * bool(needed), f"{page}: the loader comes after the figures"
        assert sum((site / "_static" / file).stat().st_size for file in needed) < 60_000 * max(1, len(figures)), page


@pytest.mark.parametrize(("mode", "width"), [("light", 1280), ("dark", 400)])
def test_every_page_opens_without_errors_or_foreign_requests_fits_the_window_and_axe_finds_nothing_serious(
    visit: Callable[..., Visit], address: str, pages: list[str], mode: str, width: int
) -> None:
    one = visit(mode=mode, width=width, has_touch=width == 400)
    for name in pages:
        page = one.open(address + name)
        assert page.evaluate("document.documentElement.dataset.theme") == mode
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert width < 1280 or page.evaluate(CUT_OFF) == [], f"{name}: break the equation into lines"
        assert grave(page) == [], name
    assert one.problems == []


CUT_OFF = """async () => {
    await window.MathJax?.startup?.promise;
    const equations = [...document.querySelectorAll('mjx-container[display="true"]')];
    return equations.filter((e) => e.scrollWidth > e.clientWidth + 3).map((e) => e.textContent.slice(0, 60));
}"""
"""The equations that do not fit into their column."""


def test_an_equation_that_is_cut_off_is_found(visit: Callable[..., Visit], address: str) -> None:
    """The planted fault: a narrow column."""
    page = visit(width=1280).open(address + "chapters/08_regularization.html")
    assert page.evaluate(CUT_OFF) == []
    page.add_style_tag(content=".bd-article-container { max-width: 400px !important; }")
    assert len(page.evaluate(CUT_OFF)) > 3


# Colours go by the class of a word of code and by the box it lies in: the first of each is looked at, and the first
# twenty formulas; the other ten thousand elements of a chapter would take axe most of its time and tell it nothing new.
WITHOUT_REPETITION = """() => {
    const seen = new Set();
    for (const word of document.querySelectorAll(".highlight span:not(:has(*))")) {
        const kind = word.className + word.closest(".cell_input, .cell_output, .admonition, pre")?.className;
        if (!word.textContent.trim() || !word.checkVisibility() || seen.has(kind)) word.remove();
        else seen.add(kind);
    }
    for (const formula of [...document.querySelectorAll("mjx-container")].slice(20)) formula.remove();
}"""


def grave(page: Any) -> list[str]:
    """Return axe's serious and critical violations, one line each; what repeats on the page is taken out of it."""
    page.evaluate(WITHOUT_REPETITION)
    return [
        f"{rule['id']}: {node['html'][:150]} {node['failureSummary'][:150]}"
        for rule in Axe().run(page, options={"resultTypes": ["violations"], "preload": False}).response["violations"]
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def test_axe_reports_a_planted_violation(visit: Callable[..., Visit], address: str, pages: list[str]) -> None:
    page = visit().open(address + pages[0])
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<p style=\"color:#bbb\">pale</p>')")
    assert any("color-contrast" in line for line in grave(page))


def test_axe_reports_a_class_of_code_that_is_too_pale(
    visit: Callable[..., Visit], address: str, figure_page: str
) -> None:
    page = visit().open(address + figure_page)
    page.add_style_tag(content="div.cell_input .highlight .mi { color: #bbb !important }")
    assert any("color-contrast" in line and 'class="mi"' in line for line in grave(page))


def test_figures_of_code_cells_have_no_card_and_are_not_dimmed_in_dark_mode(
    visit: Callable[..., Visit], address: str, figure_page: str
) -> None:
    page = visit(mode="dark").open(address + figure_page)
    styles = page.locator("div.cell_output img").evaluate_all(
        "(all) => all.map((img) => [getComputedStyle(img).backgroundColor, getComputedStyle(img).filter])"
    )
    assert all(style == ["rgba(0, 0, 0, 0)", "none"] for style in styles)
    card = page.locator(".text_html:has(.nn-figure)").first.evaluate("(div) => getComputedStyle(div).backgroundColor")
    assert card == "rgba(0, 0, 0, 0)"


def test_a_missing_site_is_named_with_the_command_that_builds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_SITE", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match="make book"):
        find_site()


def test_a_missing_browser_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(pytest.fail.Exception, match="make setup-system"):
        find_chromium()


def test_the_list_of_pages_is_the_table_of_contents(site: Path, pages: list[str]) -> None:
    assert pages == pages_of(site)
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    documents = json.loads(re.search(r'"docnames":\s*(\[.*?\])', index)[1])  # type: ignore[index]
    assert {page.removesuffix(".html") for page in pages} - {"search"} == set(documents)
