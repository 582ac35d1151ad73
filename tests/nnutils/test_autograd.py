"""The scalar engine against torch.autograd, on random graphs and on the corners of each operation."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nnutils import autograd
from nnutils.autograd import OPERATIONS, Operation, Step, backward, contributions, forward

TORCH = {
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "pow": torch.pow,
    "neg": torch.neg,
    "exp": torch.exp,
    "log": torch.log,
    "sin": torch.sin,
    "cos": torch.cos,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
}
SMOOTH = sorted(OPERATIONS.keys() - {"div", "pow", "exp", "log"})
NUMBERS = st.floats(-2, 2).filter(lambda x: abs(x) > 1e-3)


def torch_run(graph, inputs):
    """Value and gradient of every input and step, by torch.autograd in float64."""
    values = {name: torch.tensor(float(x), dtype=torch.float64, requires_grad=True) for name, x in inputs.items()}
    for step in graph:
        arguments = [
            values[i] if isinstance(i, str) else torch.tensor(float(i), dtype=torch.float64) for i in step.inputs
        ]
        values[step.name] = TORCH[step.op](*arguments)
        values[step.name].retain_grad()
    values[graph[-1].name].backward()
    gradients = {name: 0.0 if v.grad is None else v.grad.item() for name, v in values.items()}
    return {name: v.item() for name, v in values.items()}, gradients


@st.composite
def graphs(draw):
    """A graph of up to ten steps, each of which uses any values before it, also the same one twice."""
    inputs = {f"x{i}": draw(NUMBERS) for i in range(draw(st.integers(1, 3)))}
    names, graph = list(inputs), []
    for i in range(draw(st.integers(1, 10))):
        op = draw(st.sampled_from(SMOOTH))
        arguments = [draw(st.sampled_from(names) | NUMBERS) for _ in range(OPERATIONS[op].arguments - 1)]
        graph.append(Step(f"v{i}", op, draw(st.sampled_from(names)), *arguments))
        names.append(f"v{i}")
    return graph, inputs


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_values_and_gradients_equal_torch_on_any_graph(drawn):
    graph, inputs = drawn
    values = forward(graph, inputs)
    expected_values, expected_gradients = torch_run(graph, inputs)
    assert values == pytest.approx(expected_values, rel=1e-9, abs=1e-12)
    assert backward(graph, values) == pytest.approx(expected_gradients, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("op", OPERATIONS)
@settings(max_examples=20, deadline=None)
@given(a=st.floats(0.1, 3), b=st.floats(0.1, 3))
def test_each_operation_equals_torch(op, a, b):
    arguments = {"pow": ["a", round(b, 1)]}.get(op, ["a", "b"][: OPERATIONS[op].arguments])
    graph = [Step("y", op, *arguments)]
    values = forward(graph, {"a": a, "b": b})
    expected_values, expected_gradients = torch_run(graph, {"a": a, "b": b})
    assert values == pytest.approx(expected_values, rel=1e-9)
    assert backward(graph, values) == pytest.approx(expected_gradients, rel=1e-9)


@pytest.mark.parametrize(
    ("op", "x"), [("sigmoid", 800), ("sigmoid", -800), ("tanh", -800), ("relu", 0.0), ("pow", 0.0)]
)
def test_the_corners_are_those_of_torch(op, x):
    graph = [Step("y", op, "x", *([2] if op == "pow" else []))]
    values = forward(graph, {"x": x})
    expected_values, expected_gradients = torch_run(graph, {"x": x})
    assert values == expected_values
    assert backward(graph, values) == expected_gradients


def test_the_totals_grow_by_the_products_and_end_in_the_gradient():
    graph = [Step("a", "mul", "x", "x"), Step("b", "add", "a", "x"), Step("y", "mul", "b", "x")]
    values = forward(graph, {"x": 2.0})
    found = [one for one in contributions(graph, values) if one.input == "x"]
    assert [one.total for one in found] == [sum(one.product for one in found[: i + 1]) for i in range(len(found))]
    assert all(one.product == one.upstream * one.local for one in found)
    assert found[-1].total == backward(graph, values)["x"] == 3 * 2.0**2 + 2 * 2.0


def test_a_seed_scales_all_contributions():
    graph = [Step("a", "exp", "x"), Step("y", "sin", "a")]
    values = forward(graph, {"x": 0.3})
    plain, seeded = list(contributions(graph, values)), list(contributions(graph, values, seed=2.5))
    assert [one.product for one in seeded] == pytest.approx([2.5 * one.product for one in plain])


def test_the_comparison_with_torch_finds_a_wrong_derivative(monkeypatch):
    """The planted fault: a cosine whose derivative lost its sign."""
    monkeypatch.setitem(autograd.OPERATIONS, "cos", Operation(1, math.cos, lambda a: (math.sin(a),)))
    with pytest.raises(AssertionError):
        test_each_operation_equals_torch.hypothesis.inner_test("cos", 0.7, 1.0)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Step("a", "sine", "x"), "Step 'a': operation: got 'sine', expected one of .*did you mean 'sin'"),
        (lambda: Step("a", "add", "x"), "Step 'a': add takes 2 inputs, got 1"),
        (lambda: Step("a", "cos", "x", "y"), "Step 'a': cos takes 1 input, got 2"),
        (lambda: Step("a", "pow", "x", "n"), "Step 'a': the exponent of pow is a number, got the name 'n'"),
        (lambda: forward([], {"x": 1.0}), "forward: got no steps, expected at least one"),
        (
            lambda: forward([Step("a", "neg", "z")], {"x": 1.0}),
            "Step 'a' uses 'z', which has no value yet; known here: x",
        ),
        (lambda: forward([Step("x", "neg", "x")], {"x": 1.0}), "forward: 'x' is computed twice"),
        (lambda: forward([Step("a", "div", "x", 0)], {"x": 1.0}), r"Step 'a': div\(1, 0\) has no finite value"),
        (lambda: forward([Step("a", "log", "x")], {"x": -1.0}), r"Step 'a': log\(-1\) has no finite value"),
        (lambda: forward([Step("a", "exp", "x")], {"x": 1e4}), r"Step 'a': exp\(10000\) has no finite value"),
        (
            lambda: backward([Step("a", "pow", "x", 0.5)], {"x": 0.0, "a": 0.0}),
            r"Step 'a': pow\(0, 0.5\) has no finite",
        ),
    ],
)
def test_bad_input_gets_one_sentence(made, message):
    with pytest.raises(ValueError, match=message):
        made()
