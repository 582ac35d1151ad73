"""The computational graph as a reader uses it: buttons, keyboard, sliders, links; its drawing at two widths."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from nnutils.figures import ComputationalGraph
from nnutils.figures.graph import EXAMPLES

from .conftest import Visit, eventually
from .test_pages import grave


@pytest.fixture(scope="session")
def graph_page(address: str, site: Path, pages: list[str]) -> str:
    """The address of the first graph: "...#figure-<name>", to which a setting can be added."""
    for page in pages:
        name = re.search(r'data-figure="graph" data-name="([^"]+)"', (site / page).read_text(encoding="utf-8"))
        if name:
            return f"{address}{page}#figure-{name[1]}"
    raise AssertionError("no page holds the computational graph")


def graph(one: Visit, url: str) -> Any:
    """Open a page and return its first graph, started and in view."""
    one.without_maths().goto(url)
    figure = one.page.locator(".nn-figure[data-figure=graph]").first
    figure.scroll_into_view_if_needed()
    expect(figure.locator(".nn-verdict")).not_to_be_empty()
    return figure


def shown(figure: Any, name: str) -> tuple[str, str]:
    """Return the value and the gradient that a node shows; without a gradient, an empty text."""
    node = figure.locator(f"[data-node={name}]")
    return node.locator("text.nn-of-value").text_content(), node.locator("text.nn-of-gradient").text_content()


def last_stage(figure: Any) -> int:
    return int(figure.get_by_role("slider", name="Stage shown").get_attribute("max"))


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def test_stepping_through_shows_every_value_and_then_every_gradient(
    visit: Callable[..., Visit], graph_page: str
) -> None:
    one = visit()
    figure = graph(one, graph_page + "?example=cosine&stage=0")
    step, verdict = figure.get_by_role("button", name="Step"), figure.locator(".nn-verdict")
    assert [shown(figure, name) for name in ("x0", "a", "f")] == [("2", ""), ("?", ""), ("?", "")]
    step.click()
    expect(verdict).to_have_text("a gets its value: 2 + 3 = 5.")
    assert shown(figure, "a") == ("5", "")
    for _ in range(6):
        step.click()
    expect(verdict).to_contain_text("f gets its value: 39 + 1 = 40. The forward pass is done")
    step.click()
    expect(verdict).to_contain_text("starts at the output")
    assert shown(figure, "f") == ("40", "1")
    for _ in range(6):
        step.click()
    expect(verdict).to_contain_text("d passes to x₀: 1, its own gradient, times 7, its local derivative, is 7.")
    expect(verdict).to_contain_text("x₀ is used three times: 1 of 3 so far.")
    assert shown(figure, "x0") == ("2", "7")
    assert figure.locator("[data-node=x0] .nn-sum").text_content() == "7 + …"
    for _ in range(5):
        step.click()
    expect(verdict).to_contain_text("(x₀, x₁, x₂) is (17, 10, 0).")
    assert [shown(figure, name) for name in ("x0", "x1", "x2")] == [("2", "17"), ("3", "10"), ("−2", "0")]
    assert figure.locator("[data-node=x0] .nn-sum").text_content() == "7 + 0 + 10"
    step.click()
    expect(figure.get_by_role("slider", name="Stage shown")).to_have_value("19")
    figure.get_by_role("button", name="Back").click()
    expect(figure.get_by_role("slider", name="Stage shown")).to_have_value("18")
    assert shown(figure, "x1") == ("3", "")
    figure.get_by_role("button", name="Reset").click()
    expect(verdict).to_contain_text("Only the inputs have values.")
    assert one.problems == []


def test_the_page_shows_the_numbers_that_nnutils_computes(visit: Callable[..., Visit], graph_page: str) -> None:
    one = visit()
    for name in EXAMPLES:
        figure = graph(one, f"{graph_page}?example={name}&stage=99")
        one.page.reload()
        figure = graph(one, one.page.url)
        expected = ComputationalGraph(name)
        values, gradients = expected.values(), expected.gradients()
        for node in values:
            value, gradient = map(number, shown(figure, node))
            assert value == pytest.approx(values[node], abs=1e-3), (name, node)
            assert gradient == pytest.approx(gradients[node], abs=1e-3), (name, node)


def test_a_slider_moved_by_keyboard_changes_values_gradients_and_address_at_any_stage(
    visit: Callable[..., Visit], graph_page: str
) -> None:
    one = visit()
    figure = graph(one, graph_page + "?example=cosine&stage=19")
    slider = figure.get_by_role("slider", name="input x1")
    slider.focus()
    for _ in range(2):
        one.page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "4")
    wanted = [("6", "12"), ("51", "1"), ("2", "19"), ("4", "12")]
    eventually(one.page, lambda: [shown(figure, name) for name in ("a", "f", "x0", "x1")] == wanted)
    eventually(one.page, lambda: "inputs.x1=4" in one.page.url and "stage=19" in one.page.url)
    assert one.problems == []


def test_a_link_restores_example_inputs_and_stage_and_a_link_in_the_text_moves_the_figure(
    visit: Callable[..., Visit], graph_page: str
) -> None:
    one = visit()
    figure = graph(one, graph_page + "?example=neuron&inputs.w=2&stage=5")
    assert figure.get_by_role("radio", name="Neuron").is_checked()
    assert figure.get_by_role("slider", name="input w").get_attribute("aria-valuetext") == "2"
    assert shown(figure, "p") == ("3", "")
    assert shown(figure, "L") == ("?", "")
    figure.get_by_role("button", name="Step").click()
    expect(one.page).to_have_url(graph_page + "?example=neuron&inputs.w=2&stage=6")
    one.page.evaluate("(hash) => (location.hash = hash)", graph_page.split("#")[1] + "?example=twice&stage=10")
    expect(figure.get_by_role("radio", name="Used twice")).to_be_checked()
    eventually(one.page, lambda: shown(figure, "a") == ("3", "7"))
    assert figure.locator("[data-node=a] .nn-sum").text_content() == "1 + 3 + 3"


def test_a_broken_link_leaves_a_working_figure(visit: Callable[..., Visit], graph_page: str) -> None:
    one = visit()
    broken = "?example=__proto__&inputs.x0=x&inputs.x1=1e99&inputs.__proto__.x=1&stage=-1e9"
    figure = graph(one, graph_page + broken)
    assert shown(figure, "x0") == ("2", "")
    figure.get_by_role("button", name="Step").click()
    expect(figure.locator(".nn-verdict")).to_have_text("a gets its value: 2 + 100 = 102.")
    assert one.problems == []


def test_a_node_in_focus_shows_its_local_derivatives_and_arrow_keys_step(
    visit: Callable[..., Visit], graph_page: str
) -> None:
    one = visit()
    figure = graph(one, graph_page + "?example=cosine&stage=7")
    detail, stage = figure.locator(".nn-detail"), figure.get_by_role("slider", name="Stage shown")
    node = figure.get_by_role("button", name="c = a²")
    node.focus()
    expect(detail).to_contain_text("∂c/∂a = 2·a = 2·5 = 10")
    assert figure.locator(".nn-local:visible text").all_text_contents() == ["×10"]
    one.page.keyboard.press("Tab")
    expect(detail).to_contain_text("∂d/∂x0 = 7")
    for key, expected in (("ArrowRight", "8"), ("ArrowRight", "9"), ("ArrowLeft", "8"), ("End", "19"), ("Home", "0")):
        one.page.keyboard.press(key)
        expect(stage).to_have_value(expected)
    node.focus()
    one.page.keyboard.press("Enter")
    expect(node).to_have_attribute("aria-pressed", "true")
    figure.get_by_role("button", name="Step").focus()
    expect(detail).to_contain_text("Node c")
    one.page.keyboard.press("ArrowRight")
    expect(stage).to_have_value("1")
    stage.focus()
    one.page.keyboard.press("ArrowRight")  # a slider steps by itself: one stage, not two
    expect(stage).to_have_value("2")
    node.click()
    expect(node).to_have_attribute("aria-pressed", "false")
    figure.locator("[data-node=e]").hover()
    expect(detail).to_contain_text("Node e")
    assert one.problems == []


# Notes, at each frame that is drawn, the stage that the slider shows when it is another one.
STAGES = """(slider) => {
    const seen = (window.stages = [Number(slider.value)]);
    const look = () => {
        if (Number(slider.value) !== seen.at(-1)) seen.push(Number(slider.value));
        requestAnimationFrame(look);
    };
    look();
}"""


def test_play_runs_to_the_end_one_stage_at_a_time_and_pauses(visit: Callable[..., Visit], graph_page: str) -> None:
    one = visit()
    figure = graph(one, graph_page + "?example=cosine&stage=13")
    stage = figure.get_by_role("slider", name="Stage shown")
    stage.evaluate(STAGES)
    figure.get_by_role("button", name="Play").click()
    expect(stage).not_to_have_value("13")
    figure.get_by_role("button", name="Pause").click()
    figure.get_by_role("button", name="Play").wait_for()
    paused = stage.input_value()
    one.page.wait_for_timeout(2000)  # longer than one stage takes
    expect(stage).to_have_value(paused)
    assert int(paused) < last_stage(figure)
    figure.get_by_role("button", name="Play").click()
    expect(stage).to_have_value(str(last_stage(figure)))
    figure.get_by_role("button", name="Play").wait_for()
    assert one.page.evaluate("window.stages") == list(range(13, last_stage(figure) + 1))


@pytest.mark.parametrize("width", [1280, 400])
def test_the_figure_keeps_its_height_while_one_steps_through_it(
    visit: Callable[..., Visit], graph_page: str, width: int
) -> None:
    one = visit(width=width)
    figure = graph(one, graph_page)
    for name in EXAMPLES:
        heights = []
        for stage in (0, 99):
            one.page.evaluate(
                "(hash) => (location.hash = hash)", f"{graph_page.split('#')[1]}?example={name}&stage={stage}"
            )
            expect(figure.locator(".nn-verdict")).to_contain_text("Done: the gradient" if stage else "Only the inputs")
            heights.append(figure.bounding_box()["height"])
        assert heights[0] == heights[1], (name, heights)


def test_the_legend_says_what_circles_and_boxes_mean(visit: Callable[..., Visit], graph_page: str) -> None:
    legend = graph(visit(), graph_page).locator(".nn-legend")
    expect(legend).to_contain_text("on an arrow: the gradient sent, received × derivative")
    expect(legend).to_contain_text("select a box to see its local derivatives (×)")


# What a drawing may not do: letters under 11 pixels, text outside its node, an edge through a node that is not at its
# end, a label on a node's letters or on another label. Returns one line for each fault.
FAULTS = """(figure) => {
    const svg = figure.querySelector(".nn-graph-svg");
    const corner = svg.getBoundingClientRect();
    const visible = (from, what) => [...from.querySelectorAll(what)]
        .filter((one) => one.textContent !== "" && !one.closest("[hidden]"))
        .map((one) => ({ text: one.textContent, size: parseFloat(getComputedStyle(one).fontSize), ...sides(one) }));
    const sides = (one) => {
        const { left, right, top, bottom } = one.getBoundingClientRect();
        return { left, right, top, bottom };
    };
    const meet = (a, b, by) =>
        a.left < b.right - by && b.left < a.right - by && a.top < b.bottom - by && b.top < a.bottom - by;
    const pairs = (all) => all.flatMap((one, i) => all.slice(i + 1).map((other) => [one, other]));
    const faults = new Set();

    const nodes = [...svg.querySelectorAll(".nn-node")].map((node) =>
        ({ name: node.dataset.node, texts: visible(node, "text"), ...sides(node.querySelector("rect")) }));
    for (const node of nodes) {
        for (const one of node.texts)
            if (one.left < node.left || one.right > node.right || one.bottom > node.bottom + 1)
                faults.add(`outside ${node.name}: ${one.text}`);
        for (const [one, other] of pairs(node.texts))
            if (meet(one, other, 4)) faults.add(`in ${node.name}: ${one.text} on ${other.text}`);
    }
    for (const { text, size } of visible(figure, "text, tspan, p, b, i, span, button, sub"))
        if (size < 11) faults.add(`small: ${text}`);
    for (const path of svg.querySelectorAll(".nn-edge")) {
        for (let at = 6; at < path.getTotalLength() - 6; at += 3) {
            const { x, y } = path.getPointAtLength(at);
            const [left, top] = [corner.left + x, corner.top + y];
            for (const node of nodes)
                if (meet({ left, right: left, top, bottom: top }, node, -0.5)) faults.add(`edge through ${node.name}`);
        }
    }
    const labels = visible(svg, ".nn-chip text");
    for (const [one, other] of pairs(labels))
        if (meet(one, other, 0.5)) faults.add(`labels ${one.text} and ${other.text}`);
    for (const label of labels)
        for (const { name, texts } of nodes)
            for (const text of texts)
                if (meet(label, text, 3)) faults.add(`label ${label.text} on ${text.text} of ${name}`);
    if (figure.scrollWidth > figure.clientWidth) faults.add("wider than its place");
    return [...faults];
}"""


@pytest.mark.parametrize(("width", "mode"), [(1280, "light"), (400, "dark")])
def test_the_drawing_is_readable_in_every_example(
    visit: Callable[..., Visit], graph_page: str, width: int, mode: str
) -> None:
    one = visit(width=width, mode=mode)
    figure = graph(one, graph_page)
    for name in EXAMPLES:
        for stage in (0, 99):
            one.page.evaluate(
                "(hash) => (location.hash = hash)", f"{graph_page.split('#')[1]}?example={name}&stage={stage}"
            )
            expect(figure.get_by_role("slider", name="Stage shown")).to_have_value(str(min(stage, last_stage(figure))))
            expect(figure.locator("[data-node]")).to_have_count(len(ComputationalGraph(name).values()))
            assert figure.evaluate(FAULTS) == [], (name, stage)
    assert grave(one.page) == []


def test_a_spoilt_drawing_is_reported(visit: Callable[..., Visit], graph_page: str) -> None:
    one = visit()
    figure = graph(one, graph_page + "?example=cosine&stage=19")
    assert figure.evaluate(FAULTS) == []
    figure.evaluate(
        """(figure) => {
            const edge = figure.querySelector(".nn-edge:last-of-type");
            const { x, y } = edge.getPointAtLength(edge.getTotalLength() / 2);
            figure.querySelector("[data-node=d]").setAttribute("transform", `translate(${x - 20} ${y - 20})`);
            figure.querySelector("[data-node=a] .nn-title").style.fontSize = "9px";
            figure.querySelector("[data-node=b] .nn-title").style.fontSize = "30px";
            const [one, other] = figure.querySelectorAll(".nn-chip");
            other.setAttribute("transform", one.getAttribute("transform"));
        }"""
    )
    faults = figure.evaluate(FAULTS)
    assert {re.split(r"[: ]", fault)[0] for fault in faults} >= {"edge", "small", "outside", "labels"}


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_letters_in_the_graph_have_enough_contrast(visit: Callable[..., Visit], graph_page: str, mode: str) -> None:
    one = visit(mode=mode)
    figure = graph(one, graph_page + "?example=cosine&stage=15")
    worst = figure.evaluate(
        """(figure) => {
            const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
            const rgb = (color, ground) => {
                paint.fillStyle = ground; paint.fillRect(0, 0, 1, 1);
                paint.fillStyle = color; paint.fillRect(0, 0, 1, 1);
                return paint.getImageData(0, 0, 1, 1).data.slice(0, 3);
            };
            const linear = (one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4);
            const light = (data) => [0.2126, 0.7152, 0.0722].reduce((sum, w, i) => sum + w * linear(data[i] / 255), 0);
            const found = [];
            for (const text of figure.querySelectorAll(".nn-node text, .nn-chip:not([hidden]) text")) {
                if (!text.textContent || text.closest("[hidden]")) continue;
                const ground = rgb(getComputedStyle(text.parentNode.querySelector("rect")).fill, "#fff");
                const ink = rgb(getComputedStyle(text).fill, "#fff");
                const [high, low] = [light(ground), light(ink)].sort((a, b) => b - a);
                found.push((high + 0.05) / (low + 0.05));
            }
            return Math.min(...found);
        }"""
    )
    assert worst >= 4.5


def test_without_scripts_the_figure_is_a_picture(visit: Callable[..., Visit], graph_page: str) -> None:
    for width in (1280, 400):
        one = visit(java_script_enabled=False, width=width)
        one.page.goto(graph_page)
        picture = one.page.locator(".nn-figure[data-figure=graph] > svg[role=img]").first
        assert picture.is_visible()
        assert "the value is 40, the gradient 17 for x0" in (picture.get_attribute("aria-label") or "")
        box = picture.bounding_box()
        assert box
        assert 330 < box["width"] <= 380
