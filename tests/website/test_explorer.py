"""The activation explorer as a reader uses it: mouse, keyboard, touch, links; its drawing at two widths."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from nnutils.figures import ActivationExplorer
from nnutils.figures.explorer import SPEC

from .conftest import Visit, eventually
from .test_pages import grave


@pytest.fixture(scope="session")
def explorer_page(address: str, site: Path, pages: list[str]) -> str:
    """The address of the first explorer: "...#figure-<name>", to which a setting can be added."""
    for page in pages:
        name = re.search(r'data-figure="explorer" data-name="([^"]+)"', (site / page).read_text(encoding="utf-8"))
        if name:
            return f"{address}{page}#figure-{name[1]}"
    raise AssertionError("no page holds the activation explorer")


def explorer(one: Visit, url: str) -> Any:
    """Open a page and return its first explorer, started and in view."""
    one.without_maths().goto(url)
    figure = one.page.locator(".nn-figure[data-figure=explorer]").first
    figure.scroll_into_view_if_needed()
    expect(figure.locator(".nn-verdict")).not_to_be_empty()
    return figure


def point(figure: Any) -> Any:
    return figure.get_by_role("slider", name="Point z")


def numbers(text: str) -> list[float]:
    """Return the numbers in a sentence of the figure, powers of ten included."""
    plain = text.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")).replace(" · 10", "e")
    return [float(one) for one in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", plain)]


def test_the_page_shows_the_numbers_that_nnutils_computes(visit: Callable[..., Visit], explorer_page: str) -> None:
    one = visit()
    figure = explorer(one, explorer_page)
    for name in SPEC["activations"]:
        link = f"?activation={name}&z=-1.5&weight=1.4"
        one.page.evaluate("(hash) => (location.hash = hash)", explorer_page.split("#")[1] + link)
        expected = ActivationExplorer(name, z=-1.5, weight=1.4)
        label = SPEC["activations"][name]["label"]
        expect(figure.get_by_role("radio", name=label, exact=True)).to_be_checked()
        expect(figure.locator(".nn-verdict")).to_contain_text(f"{label} at z = −1.5")
        shown = point(figure).get_attribute("aria-valuetext")
        assert numbers(shown) == pytest.approx([-1.5, expected.value(), expected.slope()], rel=0.06), name
        plot = figure.locator(".nn-products-svg").get_attribute("aria-label")
        ends = [expected.products()[-1].item(), expected.typical_products()[-1].item()]
        assert [numbers(plot)[3], numbers(plot)[4]] == pytest.approx(ends, rel=0.06), name
    assert one.problems == []


def test_arrow_keys_and_mouse_move_the_point_and_the_address_follows(
    visit: Callable[..., Visit], explorer_page: str
) -> None:
    one = visit()
    figure = explorer(one, explorer_page + "?activation=sigmoid&z=0")
    curve = figure.locator(".nn-products-svg .nn-line").first
    before = curve.get_attribute("d")
    point(figure).focus()
    one.page.keyboard.press("ArrowRight")
    one.page.keyboard.press("Shift+ArrowLeft")
    expect(point(figure)).to_have_attribute("aria-valuetext", re.compile("^z = 0.09, "))
    expect(curve).not_to_have_attribute("d", before)
    eventually(one.page, lambda: "z=0.09" in one.page.url)
    one.page.keyboard.press("End")
    expect(point(figure)).to_have_attribute("aria-valuetext", "z = 6, value 0.998, slope 0.0025, flat")
    expect(figure.locator(".nn-verdict")).to_contain_text("the function is flat here")
    frame = figure.locator(".nn-map-svg .nn-frame").first.bounding_box()
    one.page.mouse.move(frame["x"] + frame["width"] / 4, frame["y"] + 30)
    one.page.mouse.down()
    one.page.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + 40)
    one.page.mouse.up()
    eventually(one.page, lambda: abs(float(point(figure).get_attribute("aria-valuenow"))) <= 0.05)
    figure.get_by_role("button", name="Reset").click()
    eventually(one.page, lambda: "z=" not in one.page.url)
    assert one.problems == []


def test_a_tap_moves_the_point_and_a_swipe_scrolls_the_page(visit: Callable[..., Visit], explorer_page: str) -> None:
    one = visit(width=400, height=850, has_touch=True)
    figure = explorer(one, explorer_page)
    figure.locator(".nn-map-svg").tap(position={"x": 300, "y": 150})
    expect(point(figure)).not_to_have_attribute("aria-valuenow", "0")
    assert figure.locator(".nn-map-svg").evaluate("(svg) => getComputedStyle(svg).touchAction") != "none"


def test_a_slider_changes_the_weight_and_a_link_restores_it(visit: Callable[..., Visit], explorer_page: str) -> None:
    one = visit()
    figure = explorer(one, explorer_page + "?activation=tanh&weight=1")
    slider = figure.get_by_role("slider", name="weight of each unit")
    slider.focus()
    for _ in range(2):
        one.page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "1.4")
    eventually(one.page, lambda: "weight=1.4" in one.page.url and "activation=tanh" in one.page.url)
    one.page.reload()
    expect(slider).to_have_attribute("aria-valuetext", "1.4")
    expect(figure.get_by_role("radio", name="Tanh")).to_be_checked()


def test_a_broken_link_leaves_a_working_figure(visit: Callable[..., Visit], explorer_page: str) -> None:
    one = visit()
    figure = explorer(one, explorer_page + "?activation=__proto__&z=NaN&weight=-1e9")
    expect(point(figure)).to_have_attribute("aria-valuetext", "z = 0, value 0.5, slope 0.25")
    figure.get_by_role("radio", name="ReLU", exact=True).check(force=True)
    expect(figure.locator(".nn-verdict")).to_contain_text("Nothing passes, at any depth.")
    assert one.problems == []


# What a drawing may not do: letters under 11 pixels, letters outside the drawing, a name on another name, no numbers.
# Returns one line for each fault.
FAULTS = """(figure) => {
    const faults = new Set();
    for (const svg of figure.querySelectorAll("svg")) {
        const place = svg.getBoundingClientRect();
        const texts = [...svg.querySelectorAll("text")].filter((one) => one.textContent).map((one) => {
            const { left, right, top, bottom } = one.getBoundingClientRect();
            const size = parseFloat(getComputedStyle(one).fontSize);
            return { text: one.textContent, left, right, top, bottom, size };
        });
        texts.forEach((one, i) => {
            if (one.size < 11) faults.add(`small: ${one.text}`);
            if (one.left < place.left - 4 || one.right > place.right + 4 || one.bottom > place.bottom + 2)
                faults.add(`outside: ${one.text}`);
            for (const other of texts.slice(i + 1)) {
                const [across, down] = [["left", "right", 3], ["top", "bottom", 4]].map(([from, to, by]) =>
                    one[from] < other[to] - by && other[from] < one[to] - by);
                if (across && down) faults.add(`overlap: ${one.text} on ${other.text}`);
            }
        });
    }
    if (/NaN|Infinity|undefined/.test(figure.outerHTML)) faults.add("no number");
    if (figure.scrollWidth > figure.clientWidth) faults.add("wider than its place");
    return [...faults];
}"""


@pytest.mark.parametrize(("width", "mode"), [(1280, "light"), (400, "dark")])
def test_the_drawing_is_readable_for_every_function(
    visit: Callable[..., Visit], explorer_page: str, width: int, mode: str
) -> None:
    one = visit(width=width, mode=mode)
    figure = explorer(one, explorer_page)
    for name in SPEC["activations"]:
        for z, weight in ((-6, 8), (-1, 1), (0.5, 1.4), (6, 0.25)):
            link = f"?activation={name}&z={z}&weight={weight}"
            one.page.evaluate("(hash) => (location.hash = hash)", explorer_page.split("#")[1] + link)
            expect(point(figure)).to_have_attribute("aria-valuenow", str(z))
            expect(figure.get_by_role("slider", name="weight")).to_have_attribute("aria-valuetext", str(weight))
            assert figure.evaluate(FAULTS) == [], (name, z, weight)
    assert grave(one.page) == []


def test_a_spoilt_drawing_is_reported(visit: Callable[..., Visit], explorer_page: str) -> None:
    figure = explorer(visit(), explorer_page)
    figure.evaluate(
        """(figure) => {
            const [first, second, third] = figure.querySelectorAll(".nn-products-svg text");
            first.setAttribute("x", 5000);
            second.style.fontSize = "9px";
            for (const key of ["x", "y"]) third.setAttribute(key, second.getAttribute(key));
        }"""
    )
    assert {fault.split(":")[0] for fault in figure.evaluate(FAULTS)} == {"outside", "small", "overlap"}


def test_without_scripts_the_figure_is_a_picture(visit: Callable[..., Visit], explorer_page: str) -> None:
    one = visit(java_script_enabled=False, width=400)
    one.page.goto(explorer_page)
    picture = one.page.locator(".nn-figure[data-figure=explorer] > svg[role=img]").first
    assert picture.is_visible()
    assert "At z = 0 the value is 0.5, the slope 0.25." in (picture.get_attribute("aria-label") or "")
