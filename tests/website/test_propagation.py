"""The signal propagation as a reader uses it, on a page of its own: keyboard, links; its drawing at two widths."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from nnutils.figures import SignalPropagation, bundle
from nnutils.figures.propagation import SPEC

from .conftest import Visit, eventually, serve
from .test_explorer import FAULTS, numbers
from .test_pages import grave

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A page with the figure</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">
<link rel="stylesheet" href="figures.css"><style>:root {{ color-scheme: {mode} }}</style>
<main><h1>A page with the figure</h1>{figure}</main>
<script src="figure-propagation.js"></script><script src="figures.js"></script></html>"""


@pytest.fixture(scope="module")
def page_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a folder with a light and a dark page that hold the figure, as the site would."""
    folder = tmp_path_factory.mktemp("propagation")
    bundled = SignalPropagation()._repr_mimebundle_()
    assert bundled is not None
    for mode in ("light", "dark"):
        text = PAGE.format(mode=mode, figure=bundled[0]["text/html"])
        (folder / f"{mode}.html").write_text(text, encoding="utf-8")
    for file, text in bundle.site_scripts().items():
        (folder / file).write_text(text, encoding="utf-8")
    (folder / "figures.css").write_text((bundle.HERE / "figures.css").read_text(encoding="utf-8"), encoding="utf-8")
    with serve(folder) as address:
        yield address


def propagation(one: Visit, url: str, link: str = "") -> Any:
    """Open a page and return its figure, started."""
    one.page.goto(f"{url}#figure-propagation{link}")
    figure = one.page.locator(".nn-figure[data-figure=propagation]")
    expect(figure.locator(".nn-verdict")).not_to_be_empty()
    return figure


@pytest.mark.parametrize(
    ("activation", "scheme", "gain"),
    [("linear", "large", 4), ("sigmoid", "small", 1), ("tanh", "large", 1), ("relu", "he", 1)],
)
def test_the_page_shows_the_numbers_that_nnutils_computes(
    visit: Callable[..., Visit], page_address: str, activation: str, scheme: str, gain: float
) -> None:
    one = visit()
    link = f"?activation={activation}&scheme={scheme}&gain={gain}"
    figure = propagation(one, page_address + "light.html", link)
    expected = SignalPropagation(activation, scheme, gain=gain)
    said = figure.locator(".nn-sizes-svg").get_attribute("aria-label")
    forward, back = expected.activation_std().tolist(), expected.gradient_std().tolist()
    assert numbers(said) == pytest.approx([forward[0], forward[-1], back[0], back[-1]], rel=0.06)
    stds = figure.locator(".nn-histograms-svg .nn-title").all_text_contents()
    assert [numbers(text)[0] for text in stds] == pytest.approx(forward[1:], rel=0.06)
    assert one.problems == []


def test_the_verdict_says_what_becomes_of_signal_and_gradient(visit: Callable[..., Visit], page_address: str) -> None:
    one = visit()
    url = page_address + "light.html"
    says = propagation(one, url, "?activation=relu&scheme=he").locator(".nn-verdict")
    for link, text in {
        "?activation=linear&scheme=large": r"Large weights.*; it explodes \(times 10 a layer\)\. .*; it explodes",
        "?activation=tanh&scheme=small": "Small weights, Tanh.*; it vanishes .*; it vanishes",
        "?activation=tanh&scheme=large": r"factor of ten .*; it explodes .*\. In the last layer 7\d % .* saturated",
        "?activation=sigmoid&scheme=small": "nearly the same for every input: .*; it vanishes",
        "?activation=relu&scheme=he": r"within a factor of ten .* Back .*within a factor of ten \(times 1 a layer\)\.$",
        "?activation=relu&scheme=xavier": r"it shrinks \(times 0\.7\d a layer\)\. .*it shrinks",
    }.items():
        one.page.evaluate("(hash) => (location.hash = hash)", f"figure-propagation{link}")
        expect(says).to_have_text(re.compile(text))


def test_choices_and_gain_by_keyboard_change_the_figure_and_the_address(
    visit: Callable[..., Visit], page_address: str
) -> None:
    one = visit()
    figure = propagation(one, page_address + "light.html")
    bars = figure.locator(".nn-histograms-svg path").first
    before = bars.get_attribute("d")
    figure.get_by_role("radio", name="Tanh").focus()
    one.page.keyboard.press("ArrowRight")
    expect(figure.get_by_role("radio", name="ReLU")).to_be_checked()
    figure.get_by_role("radio", name="He").check(force=True)
    gain = figure.get_by_role("slider", name="gain")
    gain.focus()
    one.page.keyboard.press("ArrowLeft")
    expect(gain).to_have_attribute("aria-valuetext", "0.9")
    expect(bars).not_to_have_attribute("d", before)
    expect(figure.locator(".nn-about")).to_contain_text("0.9 · √(2 / fan_in) = 0.13")
    figure.get_by_role("button", name="Other random weights").click()
    for part in ("activation=relu", "scheme=he", "gain=0.9", "seed=1"):
        eventually(one.page, lambda part=part: part in one.page.url)
    link = one.page.url
    figure.get_by_role("button", name="Reset").click()
    eventually(one.page, lambda: "?" not in one.page.url)
    expect(bars).to_have_attribute("d", before)
    one.page.goto(link)
    one.page.reload()
    expect(gain).to_have_attribute("aria-valuetext", "0.9")
    assert one.problems == []


def test_a_broken_link_leaves_a_working_figure(visit: Callable[..., Visit], page_address: str) -> None:
    one = visit()
    figure = propagation(one, page_address + "light.html", "?activation=__proto__&scheme=x&gain=NaN&seed=-1")
    expect(figure.locator(".nn-verdict")).to_contain_text("Xavier weights, Tanh")
    assert one.problems == []


@pytest.mark.parametrize(("width", "mode"), [(1280, "light"), (400, "dark")])
def test_the_drawing_is_readable_in_every_setting(
    visit: Callable[..., Visit], page_address: str, width: int, mode: str
) -> None:
    one = visit(width=width)
    figure = propagation(one, f"{page_address}{mode}.html")
    for activation in SPEC["activations"]:
        for scheme, gain in (("small", 0.25), ("large", 4), ("xavier", 1), ("he", 1)):
            link = f"?activation={activation}&scheme={scheme}&gain={gain}"
            one.page.evaluate("(hash) => (location.hash = hash)", f"figure-propagation{link}")
            expect(figure.get_by_role("slider", name="gain")).to_have_attribute("aria-valuetext", str(gain))
            expected = SignalPropagation(activation, scheme, gain=gain).activation_std()[-1].item()
            std = figure.locator(".nn-histograms-svg .nn-title").last
            eventually(one.page, lambda std=std, e=expected: abs(numbers(std.text_content())[0] / e - 1) < 0.06)
            assert figure.evaluate(FAULTS) == [], (activation, scheme, gain)
    assert grave(one.page) == []


def test_without_scripts_the_figure_is_a_picture(visit: Callable[..., Visit], page_address: str) -> None:
    one = visit(java_script_enabled=False, width=400)
    one.page.goto(page_address + "light.html")
    picture = one.page.locator(".nn-figure > svg[role=img]")
    assert picture.is_visible()
    assert "Xavier weights with gain 1, Tanh" in (picture.get_attribute("aria-label") or "")
