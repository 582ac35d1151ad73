"""The regularization playground as a reader uses it: it trains, pauses, compares, and tells; on a page of its own."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from nnutils.figures import RegularizationPlayground, bundle, output

from .conftest import Visit, eventually, serve
from .test_pages import grave

LONG = 60_000
"""Milliseconds that a training may take on a busy machine."""
SHORT = "?epochs=100"
# The colours that the site's theme gives its pages.
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A page</title><meta name="viewport" content="width=device-width">
<style>{css}
:root {{ --pst-color-background: #fff; --pst-color-text-base: #222832; --pst-color-text-muted: #48566b; }}
:root[data-theme=dark] {{
  --pst-color-background: #14181e; --pst-color-text-base: #ced6dd; --pst-color-text-muted: #9ca4af;
  --pst-color-link: #9cb4ff; color-scheme: dark;
}}
body {{ background: var(--pst-color-background); }}
</style>
<script>document.documentElement.dataset.theme = localStorage.theme</script>
<script src="figure-playground.js" defer></script><script src="figures.js" defer></script></head>
<body><main><h1>A page</h1>{figure}<p style="height: 60vh">Text.</p></main></body></html>
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a page that holds the figure as a chapter would, and the site's scripts."""
    where = tmp_path_factory.mktemp("site")
    for name, text in bundle.site_scripts().items():
        (where / name).write_text(text, encoding="utf-8")
    bundled = RegularizationPlayground("moons", seed=4, epochs=300)._repr_mimebundle_()
    assert bundled is not None
    page = PAGE.format(css=output.CSS, figure=bundled[0]["text/html"])
    (where / "page.html").write_text(page, encoding="utf-8")
    return where


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[str]:
    """The address of that page's figure, to which a setting can be added."""
    with serve(folder) as url:
        yield f"{url}page.html#figure-playground"


def playground(one: Visit, url: str) -> Any:
    """Open a page and return its figure, trained to the end without motion."""
    one.page.goto(url)
    figure = one.page.locator(".nn-figure")
    figure.scroll_into_view_if_needed()
    trained(figure)
    return figure


def trained(figure: Any) -> None:
    expect(figure.locator(".nn-verdict")).to_contain_text(re.compile("^(After|Stopped|The training)"), timeout=LONG)


def losses(figure: Any) -> list[str]:
    return figure.locator(".nn-readout b").all_inner_texts()


def lines(figure: Any) -> dict[str, str]:
    return figure.locator(".nn-loss-svg [data-curve]").evaluate_all(
        "(all) => Object.fromEntries(all.map((line) => [line.dataset.curve, line.getAttribute('d')]))"
    )


def test_the_page_shows_the_losses_that_pytorch_computes(visit: Callable[..., Visit], page: str) -> None:
    one = visit()
    figure = playground(one, page)
    expected = RegularizationPlayground("moons", seed=4, epochs=300).train()
    assert losses(figure) == [f"{curve[-1]:.2f}" for curve in (expected.train_loss, expected.val_loss)]
    verdict = figure.locator(".nn-verdict").inner_text()
    assert verdict.startswith("After 300 of 300 epochs: ")
    assert f"Since epoch {expected.best_epoch} the training loss has fallen" in verdict
    expect(figure.locator(".nn-best-label")).to_have_text(f"best: epoch {expected.best_epoch}")
    assert set(lines(figure)) == {"train", "validation"}
    assert one.problems == []


def test_a_remedy_trains_anew_beside_the_run_without_it_and_goes_into_the_address(
    visit: Callable[..., Visit], page: str
) -> None:
    one = visit()
    figure = playground(one, page)
    before = losses(figure)
    figure.get_by_role("radio", name="Weight decay").check(force=True)
    expect(figure.get_by_role("slider", name="weight decay")).to_have_attribute("aria-valuetext", "0.01")
    expect(figure.locator(".nn-verdict")).to_contain_text("Without a remedy the validation loss ends at", timeout=LONG)
    train, validation, plain = losses(figure)
    assert plain == before[1]
    assert float(validation) < float(plain) - 0.2
    assert abs(float(validation) - float(train)) < abs(float(before[1]) - float(before[0])) / 2
    eventually(one.page, lambda: one.page.url.endswith("#figure-playground?weight_decay=0.01"))
    slider = figure.get_by_role("slider", name="weight decay")
    slider.focus()
    one.page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "0.005")
    assert figure.get_by_role("radiogroup", name="Remedy").locator("input:checked").count() == 0
    eventually(one.page, lambda: one.page.url.endswith("weight_decay=0.005"))
    figure.get_by_role("button", name="Reset").click()
    expect(figure.get_by_role("radio", name="No remedy")).to_be_checked()
    trained(figure)
    eventually(one.page, lambda: losses(figure) == before)
    eventually(one.page, lambda: "?" not in one.page.url)
    assert one.problems == []


def test_early_stopping_goes_back_to_the_best_weights(visit: Callable[..., Visit], page: str) -> None:
    one = visit()
    figure = playground(one, page)
    boundary = figure.locator(".nn-boundary").get_attribute("d")
    figure.get_by_role("checkbox", name="stop early").check()
    expected = RegularizationPlayground("moons", seed=4, epochs=300, patience=50).train()
    best, last = expected.best_epoch, len(expected.val_loss) - 1
    expect(figure.locator(".nn-verdict")).to_contain_text(
        f"Stopped at epoch {last}, 50 epochs without a lower validation loss, and back at the weights of epoch {best}",
        timeout=LONG,
    )
    assert losses(figure)[:2] == [f"{curve[best]:.2f}" for curve in (expected.train_loss, expected.val_loss)]
    assert figure.locator(".nn-boundary").get_attribute("d") != boundary
    figure.get_by_role("slider", name="early stopping: patience").focus()
    one.page.keyboard.press("ArrowLeft")
    eventually(one.page, lambda: one.page.url.endswith("patience=20"))
    figure.get_by_role("checkbox", name="stop early").uncheck()
    eventually(one.page, lambda: "patience" not in one.page.url)
    figure.get_by_role("checkbox", name="stop early").check()
    eventually(one.page, lambda: one.page.url.endswith("patience=20"))


def test_a_link_restores_the_setting_and_a_broken_one_leaves_a_working_figure(
    visit: Callable[..., Visit], page: str
) -> None:
    one = visit()
    figure = playground(one, page + SHORT + "&data=circles&activation=relu&dropout=0.5&width=4&noise=0.2&seed=9")
    for name in ("Circles", "ReLU"):
        expect(figure.get_by_role("radio", name=name)).to_be_checked()
    for name, value in {"dropout probability": "0.5", "units in each": "4", "noise of": "0.2"}.items():
        expect(figure.get_by_role("slider", name=name)).to_have_attribute("aria-valuetext", value)
    expected = RegularizationPlayground(
        "circles", noise=0.2, seed=9, width=4, activation="relu", epochs=100, dropout=0.5
    )
    assert losses(figure)[1] == f"{expected.train().val_loss[-1]:.2f}"
    playground(one, page + SHORT + "&data=__proto__&dropout=7&width=x&lr=-1&l1=1e99&patience=NaN")
    expect(figure.get_by_role("radio", name="Two moons")).to_be_checked()
    expect(figure.get_by_role("slider", name="dropout probability")).to_have_attribute("aria-valuetext", "0.9")
    assert not re.search(r"NaN|Infinity|undefined", figure.evaluate("(div) => div.outerHTML"))
    assert one.problems == []


def test_play_pause_one_epoch_and_start_again(visit: Callable[..., Visit], page: str) -> None:
    one = visit()
    figure = playground(one, page)
    figure.get_by_role("button", name="Start again").click()
    expect(figure.locator(".nn-verdict")).to_have_text("Before the training: press Play.")
    step = figure.get_by_role("button", name="One epoch")
    step.focus()
    for _ in range(2):
        one.page.keyboard.press("Enter")
    expect(figure.locator(".nn-verdict")).to_contain_text("After 2 of 300 epochs")
    figure.get_by_role("button", name="Play").click()
    eventually(one.page, lambda: epoch(figure) > 10)
    figure.get_by_role("button", name="Pause").click()
    expect(figure.locator(".nn-verdict")).to_contain_text("of 300 epochs")
    now = epoch(figure)
    assert 10 < now < 300
    step.click()
    expect(figure.locator(".nn-verdict")).to_contain_text(f"After {now + 1} of 300 epochs")
    figure.get_by_role("button", name="Play").click()
    expect(figure.locator(".nn-verdict")).to_contain_text("After 300 of 300 epochs", timeout=LONG)


def epoch(figure: Any) -> int:
    found = re.search(r"At epoch (\d+)", figure.locator(".nn-loss-svg").get_attribute("aria-label") or "")
    return int(found[1]) if found else 0


def hide(page: Page, hidden: bool) -> None:
    page.evaluate(
        """(hidden) => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_it_trains_by_itself_when_seen_and_stops_when_the_page_is_hidden(
    visit: Callable[..., Visit], page: str
) -> None:
    one = visit(reduced_motion="no-preference")
    one.page.goto(page + "?epochs=5000")
    figure = one.page.locator(".nn-figure")
    figure.get_by_role("button", name="Pause").wait_for()
    expect(figure.locator(".nn-verdict")).to_have_text("Training.")
    eventually(one.page, lambda: epoch(figure) > 5)
    hide(one.page, True)
    expect(figure.get_by_role("button", name="Play")).to_be_visible()
    now = epoch(figure)
    frames = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    for _ in range(5):
        one.page.evaluate(frames)
    assert epoch(figure) == now
    hide(one.page, False)
    figure.get_by_role("button", name="Play").click()
    eventually(one.page, lambda: epoch(figure) > now)
    assert one.problems == []


def test_a_diverging_training_is_said_in_words(visit: Callable[..., Visit], page: str) -> None:
    one = visit()
    figure = playground(one, page + "?activation=relu&lr=10&weight_decay=10&epochs=1000")
    expect(figure.locator(".nn-verdict")).to_contain_text("its rate is too large", timeout=LONG)
    assert not re.search(r"NaN|Infinity", figure.evaluate("(div) => div.outerHTML"))
    assert one.problems == []


@pytest.mark.parametrize(("mode", "width"), [("light", 1280), ("dark", 400)])
def test_it_fits_the_window_in_light_and_dark_and_axe_finds_nothing_serious(
    visit: Callable[..., Visit], page: str, mode: str, width: int
) -> None:
    one = visit(mode=mode, width=width)
    figure = playground(one, page + SHORT + "&weight_decay=0.01")
    assert one.page.evaluate("document.documentElement.scrollWidth") <= width
    sides = [figure.locator(part).bounding_box() for part in (".nn-map", ".nn-loss")]
    assert (sides[1]["x"] > sides[0]["x"] + sides[0]["width"] / 2) == (width == 1280)
    assert grave(one.page) == []
    assert one.problems == []


def test_it_opens_from_a_folder_and_without_scripts_it_is_a_picture(visit: Callable[..., Visit], folder: Path) -> None:
    one = visit()
    playground(one, (folder / "page.html").as_uri() + "#figure-playground" + SHORT)
    assert one.problems == []
    still = visit(java_script_enabled=False)
    still.page.goto((folder / "page.html").as_uri())
    picture = still.page.locator(".nn-figure > svg[role=img]")
    assert picture.is_visible()
    assert "the lowest validation loss" in (picture.get_attribute("aria-label") or "")
