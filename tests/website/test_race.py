"""The optimizer race and the quiz as a reader uses them: mouse, keyboard, touch, links."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Page, expect

from nnutils.figures import OptimizerRace

from .conftest import Visit, eventually

ALL = ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"]


@pytest.fixture(scope="session")
def race_page(address: str, site: Path, figure_page: str) -> str:
    """The address of the first race: "...#figure-<name>", to which a setting can be added."""
    name = re.search(r'data-figure="race" data-name="([^"]+)"', (site / figure_page).read_text(encoding="utf-8"))
    assert name
    return f"{address}{figure_page}#figure-{name[1]}"


def race(one: Visit, url: str) -> Any:
    """Open a page and return its first race, started and in view."""
    one.without_maths().goto(url)
    figure = one.page.locator(".nn-figure[data-figure=race]").first
    figure.scroll_into_view_if_needed()
    figure.locator(".nn-race").wait_for()
    expect(figure.locator(".nn-verdict")).not_to_be_empty()
    return figure


def lines(figure: Any) -> list[str]:
    return figure.locator(".nn-map-svg .nn-line").evaluate_all("(all) => all.map((path) => path.getAttribute('d'))")


def address_has(page: Page, text: str) -> None:
    expect(page).to_have_url(re.compile(re.escape(text)))


def test_the_page_shows_the_losses_that_nnutils_computes(visit: Callable[..., Visit], race_page: str) -> None:
    one = visit()
    link = f"?surface=rosenbrock&optimizers={','.join(ALL)}&steps=200"
    figure = race(one, race_page + link)
    expected = OptimizerRace("rosenbrock", ALL, steps=200)
    for name, label in zip(ALL, ("SGD", "Momentum", "Nesterov", "Adagrad", "RMSProp", "Adam"), strict=True):
        end = expected.paths()[name][-1]
        loss = float((1 - end[0]) ** 2 + 100 * (end[1] - end[0] ** 2) ** 2)
        shown = figure.get_by_role("group", name=label, exact=True).locator(".nn-loss-now").inner_text()
        assert float(shown.removeprefix("loss ")) == pytest.approx(loss, rel=0.06), name
    assert one.problems == []


def test_a_slider_moved_by_keyboard_changes_path_loss_summary_and_address(
    visit: Callable[..., Visit], race_page: str
) -> None:
    one = visit()
    figure = race(one, race_page + "?surface=ravine&optimizers=sgd,adam")
    before, said = lines(figure), figure.locator(".nn-verdict").inner_text()
    slider = figure.get_by_role("slider", name="SGD: learning rate")
    slider.focus()
    for _ in range(2):
        one.page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "0.6")
    expect(figure.locator(".nn-verdict")).not_to_have_text(said)
    assert lines(figure)[0] != before[0]
    assert lines(figure)[1] == before[1]
    address_has(one.page, "hyper.sgd.lr=0.6")
    assert one.problems == []


def test_a_link_restores_the_setting_and_survives_a_reload(visit: Callable[..., Visit], race_page: str) -> None:
    one = visit()
    link = "?surface=saddle&optimizers=momentum,rmsprop&start=-1,0.5&steps=40&hyper.rmsprop.alpha=0.95"
    for _ in range(2):
        figure = race(one, race_page + link)
        assert figure.get_by_role("radio", name="Saddle").is_checked()
        boxes = figure.locator(".nn-row input[type=checkbox]").evaluate_all("(all) => all.map((box) => box.checked)")
        assert boxes == [False, True, False, False, True, False]
        assert figure.locator(".nn-handle").get_attribute("aria-valuetext") == "w1 = -1, w2 = 0.5"
        assert figure.get_by_role("slider", name="number of steps").get_attribute("aria-valuetext") == "40"
        alpha = figure.get_by_role("slider", name="RMSProp: averaging factor alpha")
        assert alpha.get_attribute("aria-valuetext") == "0.95"
        alpha.focus()
        one.page.keyboard.press("ArrowLeft")
        address_has(one.page, "alpha=0.92")
        address_has(one.page, "surface=saddle")
        one.page.goto("about:blank")


def test_a_link_in_the_text_moves_the_figure(
    visit: Callable[..., Visit], address: str, figure_page: str, race_page: str
) -> None:
    one = visit()
    figure = race(one, address + figure_page)
    one.page.evaluate(
        "(hash) => (location.hash = hash)", race_page.split("#")[1] + "?surface=noisy_bowl&noise=2&seed=5"
    )
    expect(figure.get_by_role("radio", name="Noisy bowl")).to_be_checked()
    expect(figure.get_by_role("slider", name="noise in the gradient")).to_have_attribute("aria-valuetext", "2")


def test_a_broken_link_leaves_a_working_figure(visit: Callable[..., Visit], race_page: str) -> None:
    one = visit()
    broken = "?surface=__proto__&start=x,NaN&steps=-1e9&hyper.adam.betas=7&hyper.__proto__.x=1&optimizers=nobody"
    figure = race(one, race_page + broken)
    expect(figure.locator(".nn-verdict")).to_have_text("No optimizer is chosen.")
    figure.get_by_role("checkbox", name="Adam").check()
    expect(figure.locator(".nn-verdict")).to_contain_text("Adam")
    assert one.problems == []


def test_arrow_keys_and_mouse_move_the_start(visit: Callable[..., Visit], race_page: str) -> None:
    one = visit()
    figure = race(one, race_page + "?surface=ravine")
    handle = figure.locator(".nn-handle")
    assert handle.get_attribute("aria-valuetext") == "w1 = -5, w2 = 2"
    before = lines(figure)
    handle.focus()
    one.page.keyboard.press("ArrowRight")
    one.page.keyboard.press("ArrowDown")
    expect(handle).to_have_attribute("aria-valuetext", "w1 = -4.79, w2 = 1.86")
    eventually(one.page, lambda: lines(figure) != before)
    frame = figure.locator(".nn-map-svg .nn-frame").bounding_box()
    one.page.mouse.move(frame["x"] + frame["width"] * 0.8, frame["y"] + frame["height"] * 0.25)
    one.page.mouse.down()
    one.page.mouse.move(frame["x"] + frame["width"] / 2, frame["y"] + frame["height"] / 2)
    one.page.mouse.up()

    def start() -> list[float]:
        return [float(number) for number in re.findall(r"= (\S+?)(?:,|$)", handle.get_attribute("aria-valuetext"))]

    eventually(one.page, lambda: start() == pytest.approx([-0.95, 0], abs=0.05))
    one.page.keyboard.press("Home")
    expect(handle).to_have_attribute("aria-valuetext", "w1 = -5, w2 = 2")


def test_a_tap_on_the_map_moves_the_start_and_a_swipe_scrolls_the_page(
    visit: Callable[..., Visit], address: str, figure_page: str
) -> None:
    one = visit(width=400, height=850, has_touch=True)
    figure = race(one, address + figure_page)
    start = figure.locator(".nn-handle").get_attribute("aria-valuetext")
    figure.locator(".nn-map-svg").tap(position={"x": 250, "y": 60})
    expect(figure.locator(".nn-handle")).not_to_have_attribute("aria-valuetext", start)
    assert figure.locator(".nn-map-svg").evaluate("(svg) => getComputedStyle(svg).touchAction") != "none"


def test_play_pause_step_and_reset(visit: Callable[..., Visit], address: str, figure_page: str) -> None:
    one = visit()
    figure = race(one, address + figure_page)
    whole = lines(figure)
    step = figure.get_by_role("slider", name="Step shown")
    last = int(step.get_attribute("max"))
    figure.get_by_role("button", name="Play").click()
    figure.get_by_role("button", name="Pause").click()
    figure.get_by_role("button", name="Play").wait_for()
    now = int(step.input_value())
    assert now < last
    figure.get_by_role("button", name="One step").click()
    expect(step).to_have_value(str(now + 1))
    step.focus()
    one.page.keyboard.press("ArrowLeft")
    expect(step).to_have_value(str(now))
    assert lines(figure) != whole
    figure.get_by_role("radio", name="Saddle").check(force=True)
    figure.get_by_role("button", name="Reset").click()
    eventually(one.page, lambda: lines(figure) == whole)
    eventually(one.page, lambda: "?" not in one.page.url.split("#")[-1])


def test_the_race_runs_by_itself_once_unless_the_reader_asks_for_less_motion(
    visit: Callable[..., Visit], address: str, figure_page: str
) -> None:
    figure = race(visit(), address + figure_page)
    assert figure.get_by_role("button", name="Pause").count() == 0
    moving = visit(reduced_motion="no-preference")
    page = moving.without_maths()
    page.goto(address + figure_page)
    page.locator(".nn-figure[data-figure=race]").first.scroll_into_view_if_needed()
    figure = page.locator(".nn-figure[data-figure=race]").first
    figure.get_by_role("button", name="Pause").wait_for()
    expect(figure.locator(".nn-verdict")).to_have_text("Running.")
    figure.get_by_role("button", name="Play").wait_for()
    expect(figure.locator(".nn-verdict")).to_contain_text("After 100 of 100 steps")
    step = figure.get_by_role("slider", name="Step shown")
    assert step.input_value() == step.get_attribute("max")


def test_divergence_is_said_in_words_and_never_drawn_as_nan(visit: Callable[..., Visit], race_page: str) -> None:
    one = visit()
    figure = race(one, race_page + "?surface=ravine&optimizers=sgd,adam&hyper.sgd.lr=2")
    path = OptimizerRace("ravine", ["sgd"], hyper={"sgd": {"lr": 2}}).paths()["sgd"]
    step = int((path.abs() > 1e6).any(1).int().argmax())
    assert torch.isfinite(path[: step + 1]).all()
    assert f"SGD diverged at step {step}: its rate is too large here." in figure.locator(".nn-verdict").inner_text()
    assert figure.get_by_role("group", name="SGD").locator(".nn-loss-now").inner_text() == f"diverged at step {step}"
    assert not re.search(r"NaN|Infinity", figure.evaluate("(div) => div.outerHTML"))


def test_a_quiz_says_right_or_wrong_counts_and_remembers(
    visit: Callable[..., Visit], address: str, figure_page: str
) -> None:
    one = visit()
    page = one.open(address + figure_page)
    quiz = page.locator(".quiz").first
    right = quiz.locator(".quiz-option[data-correct=true] summary")
    wrong = quiz.locator(".quiz-option[data-correct=false] summary").first
    status, tally = quiz.get_by_role("status"), page.locator(".quiz-tally")
    total = page.locator(".quiz").count()
    expect(status).to_have_text("Choose an answer.")
    expect(tally).to_have_text(f"0 of {total} questions on this page answered.")
    wrong.click()
    expect(status).to_contain_text("Not this one.")
    expect(wrong).to_contain_text("✗ not this")
    right.focus()
    page.keyboard.press("Enter")
    expect(status).to_have_text("Right, after 1 wrong choice.")
    expect(right).to_contain_text("✓ right")
    quiz.locator(".quiz-option[data-correct=false] summary").last.click()  # to read why it is wrong
    expect(status).to_have_text("Right, after 1 wrong choice.")
    expect(tally).to_have_text(f"1 of {total} questions on this page answered.")
    page.reload()
    expect(status).to_have_text("Right, after 1 wrong choice.")
    expect(tally).to_have_text(f"1 of {total} questions on this page answered.")
    quiz.get_by_role("button", name="Start again").click()
    expect(status).to_have_text("Choose an answer.")
    page.reload()
    expect(tally).to_have_text(f"0 of {total} questions on this page answered.")


def test_without_scripts_the_figure_is_a_picture_and_the_quiz_unfolds(
    visit: Callable[..., Visit], address: str, figure_page: str
) -> None:
    one = visit(java_script_enabled=False)
    one.page.goto(address + figure_page)
    picture = one.page.locator(".nn-figure > svg[role=img]").first
    assert picture.is_visible()
    assert "ends at loss" in (picture.get_attribute("aria-label") or "")
    option = one.page.locator(".quiz-option").first
    before = option.bounding_box()
    option.locator("summary").click()
    after = option.bounding_box()
    assert before
    assert after
    assert after["height"] > before["height"]
