"""The graph's engine, as it is shipped, against nnutils.autograd and torch.autograd; the Python side; the texts."""

import html
import json
import math
import random
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from nnutils import autograd, plots
from nnutils.figures import ComputationalGraph, bundle, graph
from tests.nnutils.javascript import in_node

SHIPPED = bundle.module("graph_engine")
EXAMPLES = graph.EXAMPLES
ABOUT = graph.SPEC["examples"]
TOLERANCE = 1e-12

TORCH: dict[str, Callable[..., Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "cos": torch.cos,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
}

# Each example at its own inputs and at 24 random ones.
DRAW = random.Random(3)
CASES = [
    {"example": name, "inputs": {key: one["value"] if i == 0 else DRAW.uniform(-3, 3) for key, one in inputs.items()}}
    for name, inputs in ((name, about["inputs"]) for name, about in ABOUT.items())
    for i in range(25)
]


def with_torch(case: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return values, gradients, and each contribution's three numbers, by torch.autograd; the key tells the place."""
    steps = EXAMPLES[case["example"]]
    nodes = {name: torch.tensor(value, dtype=torch.float64) for name, value in case["inputs"].items()}
    for node in nodes.values():
        node.requires_grad_()
    for step in steps:
        taken = [nodes[used] if isinstance(used, str) else torch.tensor(float(used)) for used in step.inputs]
        nodes[step.name] = TORCH[step.op](*taken)
        nodes[step.name].retain_grad()
    nodes[steps[-1].name].backward()
    found = {
        "value": {name: node.item() for name, node in nodes.items()},
        "gradient": {name: node.grad.item() for name, node in nodes.items()},  # type: ignore[union-attr]
        "upstream": {},
        "local": {},
        "product": {},
        "total": {},
    }
    so_far = dict.fromkeys(nodes, 0.0)
    for step in reversed(steps):
        for slot, used in enumerate(step.inputs):
            if not isinstance(used, str):
                continue
            # a leaf of its own in each slot, so that a value used twice has two derivatives
            leaves = [
                nodes[one].detach().requires_grad_() if isinstance(one, str) else torch.tensor(float(one))
                for one in step.inputs
            ]
            (local,) = torch.autograd.grad(TORCH[step.op](*leaves), leaves[slot])
            upstream = found["gradient"][step.name]
            so_far[used] += upstream * local.item()
            key = f"{step.name}.{slot}"
            found["upstream"][key], found["local"][key] = upstream, local.item()
            found["product"][key], found["total"][key] = upstream * local.item(), so_far[used]
    return found


def with_nnutils(case: dict[str, Any]) -> dict[str, dict[str, float]]:
    steps = EXAMPLES[case["example"]]
    values = autograd.forward(steps, case["inputs"])
    passed = list(autograd.contributions(steps, values))
    keys = [f"{s.name}.{slot}" for s in reversed(steps) for slot, used in enumerate(s.inputs) if isinstance(used, str)]
    found = {"value": values, "gradient": autograd.backward(steps, values)}
    for what in ("upstream", "local", "product", "total"):
        found[what] = {key: getattr(one, what) for key, one in zip(keys, passed, strict=True)}
    return found


def with_engine(module: str, folder: Path) -> list[dict[str, dict[str, float]]]:
    run = """data.map(({ example, inputs }) => {
        const { steps } = spec.examples[example];
        const values = forward(steps, inputs);
        const passed = contributions(steps, values);
        const of = (what) => Object.fromEntries(passed.map((one) => [`${one.step}.${one.slot}`, one[what]]));
        const [upstream, local, product, total] = ["upstream", "local", "product", "total"].map(of);
        return { value: values, gradient: backward(steps, values), upstream, local, product, total };
    })"""
    return in_node(module, run, folder, CASES)


REFERENCE = [with_torch(case) for case in CASES]


def disagreements(found: list[dict[str, dict[str, float]]]) -> set[tuple[str, str]]:
    """Return (example, kind of number) wherever one differs from torch.autograd by more than 1e-12, relative over 1."""
    wrong = set()
    for case, ours, theirs in zip(CASES, found, REFERENCE, strict=True):
        for what, expected in theirs.items():
            assert list(ours[what]) == list(expected), (case["example"], what)
            for key, number in expected.items():
                one = ours[what][key]
                if one is None or not abs(one - number) <= TOLERANCE * max(1, abs(number)):
                    wrong.add((case["example"], what))
    return wrong


def test_every_number_of_the_engine_is_that_of_torch_autograd(tmp_path: Path) -> None:
    assert sum(len(numbers) for case in REFERENCE for numbers in case.values()) > 3000
    assert disagreements(with_engine(SHIPPED, tmp_path)) == set()


def test_every_number_of_nnutils_autograd_is_that_of_torch_autograd() -> None:
    assert disagreements([with_nnutils(case) for case in CASES]) == set()


@pytest.mark.parametrize(
    ("right", "planted", "expected"),
    [
        ("gradients[input] += product", "gradients[input] = product", {("cosine", "total"), ("twice", "gradient")}),
        ("[-Math.sin(a)]", "[Math.sin(a)]", {("cosine", "local"), ("cosine", "product"), ("cosine", "gradient")}),
        ("[b, a]", "[a, b]", {("neuron", "local"), ("twice", "gradient"), ("net", "gradient")}),
        ("derivatives: () => [1, -1]", "derivatives: () => [1, 1]", {("neuron", "local")}),
        ("sigmoid(a) * sigmoid(-a)", "sigmoid(a) * sigmoid(a)", {("neuron", "upstream"), ("neuron", "gradient")}),
        ("[a > 0 ? 1 : 0]", "[1]", {("net", "local"), ("net", "gradient")}),
        ("0.5 * (1 + Math.tanh(0.5 * z))", "0.5 * (1 + Math.tanh(0.5001 * z))", {("neuron", "value")}),
        ("seed = 1)", "seed = 1 + 1e-10)", {("twice", "upstream"), ("twice", "product")}),
    ],
)
def test_a_planted_fault_in_the_engine_is_caught(
    right: str, planted: str, expected: set[tuple[str, str]], tmp_path: Path
) -> None:
    assert SHIPPED.count(right) == 1
    assert expected <= disagreements(with_engine(SHIPPED.replace(right, planted), tmp_path))


def test_the_engine_has_the_operations_of_nnutils_autograd(tmp_path: Path) -> None:
    points = [[0.3, 2.0], [1.7, 3.0], [-0.4, 2.0], [-2.5, 3.0], [0.0, 2.0]]
    run = """Object.fromEntries(Object.entries(OPERATIONS).map(([name, { value, derivatives }]) =>
        [name, data.map((point) => [value(...point), derivatives(...point)])]))"""
    found = in_node(SHIPPED, run, tmp_path, points)
    assert list(found) == list(autograd.OPERATIONS)
    for name, operation in autograd.OPERATIONS.items():
        for point, (value, derivatives) in zip(points, found[name], strict=True):
            taken = point[: operation.arguments]
            if name == "log" and point[0] <= 0:
                continue
            assert value == pytest.approx(operation.value(*taken), rel=1e-14), name
            assert derivatives == pytest.approx(operation.derivatives(*taken), rel=1e-14, abs=1e-15), name


def evaluated(formula: str, values: dict[str, float]) -> float:
    """Return the value of a formula as the page prints it."""
    code = (
        re.sub(r"²", "**2", formula).replace("·", "*").replace("−", "-").replace("½ ", "0.5*").replace("σ", "sigmoid")
    )
    functions = {
        "cos": math.cos,
        "sin": math.sin,
        "sigmoid": autograd.OPERATIONS["sigmoid"].value,
        "relu": autograd.OPERATIONS["relu"].value,
    }
    return float(eval(code, {"__builtins__": {}}, {**functions, **values}))


def wrong_texts(about: dict[str, dict[str, Any]]) -> set[str]:
    """Return the printed formulas and derivatives that do not give the numbers of the step beside which they stand."""
    wrong = set()
    for case, reference in zip(CASES, REFERENCE, strict=True):
        values = reference["value"]
        steps = about[case["example"]]["steps"]
        whole = about[case["example"]]["formula"].partition(",")[0]
        texts = {whole: values[steps[-1]["name"]]}
        for step in steps:
            assert [text is None for text in step["slopes"]] == [not isinstance(used, str) for used in step["inputs"]]
            texts[step["formula"]] = values[step["name"]]
            for slot, text in enumerate(step["slopes"]):
                if (
                    text is not None
                    and abs(evaluated(text, values) - reference["local"][f"{step['name']}.{slot}"]) > 1e-9
                ):
                    wrong.add(text)
        wrong |= {text for text, value in texts.items() if abs(evaluated(text, values) - value) > 1e-9}
    return wrong


def test_the_printed_formulas_and_derivatives_say_what_is_computed() -> None:
    assert wrong_texts(ABOUT) == set()
    planted = json.loads(json.dumps(ABOUT).replace(json.dumps("−sin(b)"), '"sin(b)"'))
    assert wrong_texts(planted) == {"sin(b)"}


def test_negative_numbers_in_a_formula_get_parentheses_where_they_need_them(tmp_path: Path) -> None:
    pairs = [("x0 + x1", 0), ("2·a", 0), ("a²", 0), ("cos(b)", 0), ("g·(1 − g)", 0), ("1 if z1 > 0 else 0", 0)]
    found = in_node(SHIPPED, "data.map(([text]) => withNumbers(text, () => '−3'))", tmp_path, pairs)
    assert found == ["−3 + (−3)", "2·(−3)", "(−3)²", "cos(−3)", "−3·(1 − (−3))", "1 if (−3) > 0 else 0"]


def test_each_stage_adds_one_value_or_one_contribution(tmp_path: Path) -> None:
    run = """data.map((example) => Array.from({ length: lastStage(spec.examples[example]) + 1 }, (_, stage) => {
        const { nodes, steps } = scene({ ...defaults(example), stage });
        const all = Object.values(nodes);
        return { known: all.filter(({ known }) => known).length - (all.length - steps.length),
                 parts: all.flatMap(({ parts }) => parts).length,
                 sums: all.every(({ parts, gradient }) => (gradient ?? 0) === parts.reduce((a, b) => a + b, 0)),
                 complete: all.filter(({ complete }) => complete).length, nodes: all.length };
    }))"""
    for name, stages in zip(EXAMPLES, in_node(SHIPPED, run, tmp_path, list(EXAMPLES)), strict=True):
        steps = len(EXAMPLES[name])
        assert [one["known"] for one in stages] == [min(stage, steps) for stage in range(len(stages))]
        assert [one["parts"] for one in stages] == [max(0, stage - steps) for stage in range(len(stages))]
        assert all(one["sums"] for one in stages)
        assert stages[steps]["complete"] == 0
        assert stages[-1]["complete"] == stages[-1]["nodes"]
        assert ComputationalGraph(name, stage=len(stages) - 1).stage == len(stages) - 1
        with pytest.raises(ValueError, match=rf"stage: got {len(stages)}, expected a number from 0 to"):
            ComputationalGraph(name, stage=len(stages))


def test_the_cosine_example_is_the_lectures() -> None:
    figure = ComputationalGraph()
    assert figure.inputs == {"x0": 2, "x1": 3, "x2": -2}
    assert figure.values()["f"] == 40
    assert [figure.gradients()[name] for name in figure.inputs] == [17, 10, 0]
    passed = autograd.contributions(EXAMPLES["cosine"], figure.values())
    assert [one.product for one in passed if one.input == "x0"] == [7, 0, 10]


def test_a_value_used_twice_is_in_the_examples() -> None:
    for name in ("cosine", "twice", "net"):
        used = [one for step in EXAMPLES[name] for one in step.inputs]
        assert any(used.count(one) > 1 for one in used if isinstance(one, str)), name


def test_engine_and_python_have_the_same_defaults(tmp_path: Path) -> None:
    theirs = in_node(SHIPPED, "data.map((example) => settings({ example }))", tmp_path, list(EXAMPLES))
    assert theirs == [ComputationalGraph(name).state for name in EXAMPLES]


def test_settings_from_a_broken_link_are_made_usable(tmp_path: Path) -> None:
    broken = [
        {"example": "constructor", "inputs": {"x0": "NaN", "x1": 1e9, "x2": None}, "stage": -3},
        {"example": "neuron", "inputs": [1], "stage": 1e9},
        {"example": "twice", "inputs": {"x": 1, "w": "", "z": 4}, "stage": "many"},
        {},
    ]
    usable = in_node(SHIPPED, "data.map(settings)", tmp_path, broken)
    assert [ComputationalGraph(**state).state for state in usable] == usable
    assert usable[0] == {"example": "cosine", "inputs": {"x0": 2, "x1": 100, "x2": -2}, "stage": 0}
    assert usable[1]["stage"] == 16
    assert usable[2]["inputs"] == {"x": 1, "w": 1.5}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"example": "cosin"}, "example: got 'cosin', expected one of .*; did you mean 'cosine'"),
        ({"inputs": {"x3": 1}}, "inputs: got 'x3', expected one of x0, x1, x2"),
        ({"inputs": {"x0": "1"}}, "inputs.'x0'.: got '1', expected a number from -100 to 100"),
        ({"inputs": {"x0": float("nan")}}, "inputs.'x0'.: got nan"),
        ({"inputs": {"x1": 101}}, "inputs.'x1'.: got 101"),
        ({"stage": -1}, "stage: got -1, expected a number from 0 to 19"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^ComputationalGraph: {message}"):
        ComputationalGraph(**arguments)
    figure = ComputationalGraph()
    name, value = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=message):
        setattr(figure, name, value)
    assert figure.state == ComputationalGraph().state


def test_another_example_starts_with_its_own_inputs() -> None:
    figure = ComputationalGraph("cosine", {"x0": 1.5}, stage=19)
    assert figure.inputs == {"x0": 1.5, "x1": 3, "x2": -2}
    figure.example = "twice"
    assert figure.state == ComputationalGraph("twice").state
    figure.inputs = {"x": -1}
    assert figure.inputs == {"x": -1, "w": 1.5}
    assert figure.gradients()["x"] == pytest.approx((2 * -1.5 + 1) * 1.5)
    # the page sends example, inputs and stage together
    figure.set_state({"example": "neuron", "inputs": {"w": 1, "a": 1, "b": 0, "y": 0}, "stage": 4})
    assert figure.state == {"example": "neuron", "inputs": {"w": 1, "a": 1, "b": 0, "y": 0}, "stage": 4}


def test_the_output_has_a_live_view_a_page_with_a_still_picture_and_a_short_text() -> None:
    for name in EXAMPLES:
        figure = ComputationalGraph(name, name="first", stage=2)
        bundled = figure._repr_mimebundle_()
        assert bundled is not None
        data = bundled[0]
        assert "application/vnd.jupyter.widget-view+json" in data
        assert data["text/plain"] == f"ComputationalGraph(example={name!r}, inputs={figure.inputs!r})"
        div = ET.fromstring(data["text/html"])
        assert div.attrib["data-figure"] == "graph"
        assert div.attrib["data-name"] == "first"
        assert json.loads(div.attrib["data-state"]) == figure.state
        (picture,) = div
        assert picture.attrib["role"] == "img"
        drawn = {text.text for text in picture.iter("text")}
        assert {f"{value + 0:.3g}".replace("-", "−") for value in figure.gradients().values()} <= drawn
        assert len(data["text/html"]) < 16_000
    bundled = ComputationalGraph()._repr_mimebundle_()
    assert bundled is not None
    text = html.unescape(bundled[0]["text/html"])
    assert "the value is 40, the gradient 17 for x0, 10 for x1, 0 for x2." in text


def test_colours_are_of_the_palette() -> None:
    assert set(graph.SPEC["colors"].values()) <= set(plots.COLORS)
