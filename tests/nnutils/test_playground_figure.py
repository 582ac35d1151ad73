"""The playground's engine, as it is shipped, against PyTorch and nnutils.regularization; the Python side."""

import html
import json
import math
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnutils import plots
from nnutils.figures import RegularizationPlayground, bundle, draws, playground
from nnutils.regularization import EarlyStopping, l1_penalty, l2_penalty
from tests.nnutils.javascript import in_node

SHIPPED = bundle.module("playground_engine")
SPEC = playground.SPEC
GRADIENT, TRAJECTORY, POINTS = 1e-12, 1e-10, 1e-14

# Every shape of data with both activations, each remedy alone and all together, small and large nets.
CASES = [
    RegularizationPlayground(**one, epochs=50).state
    for one in (
        {"data": "moons"},
        {"data": "circles", "activation": "relu", "width": 5, "seed": 999},
        {"data": "xor", "width": 1, "noise": 0.0, "lr": 0.5},
        {"data": "moons", "weight_decay": 0.1, "seed": 1},
        {"data": "circles", "l1": 0.02, "width": 8},
        {"data": "xor", "dropout": 0.4, "activation": "relu"},
        {"data": "moons", "patience": 10, "seed": 4},
        {"data": "xor", "weight_decay": 0.01, "l1": 0.005, "dropout": 0.2, "patience": 30, "width": 32, "seed": 7},
    )
]
# The values of a validation loss as a script, and the patience with which they are watched.
CURVES = [
    {"patience": 2, "values": [3.0, 1.0, 2.0, 1.5]},
    {"patience": 3, "values": [1.0, 0.9, 0.9, 0.95, 0.8, math.nan, 0.8, 0.81, 0.7]},
    {"patience": 1, "values": [0.5, 0.4, 0.4]},
    {"patience": 0, "values": [0.5, 0.6, 0.7, 0.8, 0.9]},
]
RUN = """{
    start: data.cases.map((state) => {
        const { train, validation, net } = begin(state);
        return { points: [train, validation].flatMap(({ X, y }) => [[...X], [...y]]), weights: [...net.weights] };
    }),
    step: data.steps.map(({ state, weights }) => {
        const run = begin(state);
        run.net.weights = Float64Array.from(weights);
        const masks = dropoutMasks(run.draw, state.dropout, spec.train * state.width);
        const { loss, grad } = gradient(run.net, run.train, masks, state);
        return { loss, grad: [...grad], masks: masks && masks.map((mask) => [...mask]) };
    }),
    run: data.cases.map((state) => {
        const run = begin(state);
        while (!run.ended) advance(run);
        const { history, ended, epoch, stopping, net } = run;
        return { history, ended, epoch, best: stopping.epoch, weights: [...net.weights] };
    }),
    stop: data.curves.map(({ patience, values }) => {
        const memory = earlyStopping(patience);
        const said = values.map((value, k) => memory.update(value, k, [k]));
        return { said, best: memory.best, waited: memory.waited, weights: memory.weights };
    }),
}"""


def net_of(state: dict[str, Any], weights: list[float] | None = None) -> nn.Sequential:
    """Return a figure's net before training, or with these parameters."""
    net = RegularizationPlayground(**state).model()
    if weights is not None:
        nn.utils.vector_to_parameters(torch.tensor(weights, dtype=torch.float64), net.parameters())
    return net


def some_weights(state: dict[str, Any], seed: int) -> list[float]:
    """Return parameters drawn at random, every seventh of them 0, where the absolute value has its kink."""
    count = nn.utils.parameters_to_vector(net_of(state).parameters()).numel()
    drawn = torch.randn(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.where(torch.arange(count) % 7 == 3, 0.0, drawn).tolist()


STEPS = [{"state": state, "weights": some_weights(state, seed)} for seed, state in enumerate(CASES)]


def torch_step(state: dict[str, Any], weights: list[float], masks: list[list[float]] | None) -> tuple[float, Tensor]:
    """Return the loss of the training points and the gradient of a step, by autograd, written out layer by layer."""
    X, y, *_ = RegularizationPlayground(**state).points()
    net = net_of(state, weights)
    x = X
    for index in (0, 1):
        z = x @ net[3 * index].weight.T + net[3 * index].bias
        x = torch.tanh(z) if state["activation"] == "tanh" else torch.relu(z)
        if masks is not None:
            kept = torch.tensor(masks[index], dtype=torch.float64).reshape(x.shape) > 0
            x = torch.where(kept, x / (1 - state["dropout"]), 0.0)
    loss = F.binary_cross_entropy_with_logits((x @ net[6].weight.T + net[6].bias)[:, 0], y)
    parameters = list(net.parameters())
    penalties = state["l1"] * l1_penalty(parameters) + state["weight_decay"] / 2 * l2_penalty(parameters)
    grad = torch.autograd.grad(loss + penalties, parameters)
    return loss.item(), torch.cat([part.flatten() for part in grad])


def torch_stop(patience: int, values: list[float]) -> dict[str, Any]:
    """Return what nnutils' EarlyStopping says to each value of a curve, and what it knows at the end."""
    stopping, model = EarlyStopping(patience or len(values) + 1), nn.Linear(1, 1, bias=False)
    said = []
    for k, value in enumerate(values):
        nn.init.constant_(model.weight, k)
        said.append(stopping.update(value, model))
    stopping.restore(model)
    return {"said": said, "best": stopping.best, "waited": stopping.waited, "weights": [model.weight.item()]}


RUNS = [RegularizationPlayground(**state).train() for state in CASES]


def far(ours: Any, expected: Any) -> float:
    """Return the largest difference of numbers, infinite where their count differs."""
    a, b = (torch.as_tensor(part, dtype=torch.float64).detach().flatten() for part in (ours, expected))
    return float((a - b).abs().max()) if a.shape == b.shape else math.inf


def disagreements(module: str, folder: Path) -> dict[str, float]:
    """Return the largest difference from PyTorch of each kind, where it is over its bound."""
    worst: dict[str, float] = {}

    def note(what: str, distance: float, bound: float) -> None:
        if not distance <= bound:
            worst[what] = max(distance, worst.get(what, 0))

    found = in_node(module, RUN, folder, {"cases": CASES, "steps": STEPS, "curves": CURVES})
    for state, start, step, asked, run, expected in zip(
        CASES, found["start"], found["step"], STEPS, found["run"], RUNS, strict=True
    ):
        for ours, theirs in zip(start["points"], RegularizationPlayground(**state).points(), strict=True):
            note("points", far(ours, theirs), POINTS)
        note("first weights", far(start["weights"], nn.utils.parameters_to_vector(net_of(state).parameters())), POINTS)
        loss, grad = torch_step(state, asked["weights"], step["masks"])
        note("loss", abs(step["loss"] - loss), GRADIENT)
        note("gradient", far(step["grad"], grad), GRADIENT)
        note("training loss", far(run["history"]["train"], expected.train_loss), TRAJECTORY)
        note("validation loss", far(run["history"]["validation"], expected.val_loss), TRAJECTORY)
        note(
            "last weights", far(run["weights"], nn.utils.parameters_to_vector(expected.model.parameters())), TRAJECTORY
        )
        note("end", float((run["ended"], run["best"]) != (expected.ended, expected.best_epoch)), 0)
    for curve, ours in zip(CURVES, found["stop"], strict=True):
        note("early stopping", float(ours != torch_stop(**curve)), 0)
    return worst


def test_points_weights_gradients_runs_and_stops_agree_with_pytorch(tmp_path: Path) -> None:
    assert disagreements(SHIPPED, tmp_path) == {}


def test_the_cases_hold_runs_that_stop_and_runs_that_go_to_the_end() -> None:
    ends = [run.ended for run in RUNS]
    assert ends.count("stopped") >= 1
    assert ends.count("limit") >= 5
    assert {end for curve in CURVES for end in torch_stop(**curve)["said"]} == {True, False}


FAULTS = {
    "points": ("1.3 * (value - [0.5, 0.25][i])", "1.3 * (value - [0.5, 0.2][i])"),
    "first weights": ("/ Math.sqrt(inputs)))", "/ Math.sqrt(inputs + 1)))"),
    "loss": ("Math.max(z, 0) - y[n] * z", "Math.max(z, 0) - 1.0001 * y[n] * z"),
    "gradient": ("slope: (a) => 1 - a * a", "slope: (a) => 1 - 1.0001 * a * a"),
    "training loss": ("velocity[k] = spec.momentum * velocity[k]", "velocity[k] = 0.90001 * velocity[k]"),
    "validation loss": ('for (const part of ["train", "validation"])', 'for (const part of ["train", "train"])'),
    "last weights": ("run.net.weights = run.stopping.weights.slice()", "run.net.weights = run.net.weights.slice()"),
    "end": ("else if (run.epoch >= run.state.epochs)", "else if (run.epoch > run.state.epochs)"),
    "early stopping": ("if (value < memory.best)", "if (value <= memory.best)"),
}
GRADIENT_FAULTS = {
    "weight decay on twice the weight": ("decay * w)", "2 * decay * w)"),
    "L1 with a slope at 0": ("l1 * Math.sign(w)", "l1 * (w < 0 ? -1 : 1)"),
    "ReLU's slope where it is off": ("slope: (a) => (a > 0 ? 1 : 0)", "slope: (a) => (a >= 0 ? 1 : 0)"),
    "dropout without its mask on the way back": ("(masks ? masks[l - 1][k] : 1)", "1"),
    "dropout that does not scale": ("? 1 / (1 - p) : 0)", "? 1 : 0)"),
}


@pytest.mark.parametrize("what", FAULTS)
def test_a_small_fault_in_the_engine_is_caught(what: str, tmp_path: Path) -> None:
    right, planted = FAULTS[what]
    assert SHIPPED.count(right) == 1
    assert what in disagreements(SHIPPED.replace(right, planted), tmp_path)


@pytest.mark.parametrize("name", GRADIENT_FAULTS)
def test_a_fault_in_a_remedy_is_caught_in_the_gradient(name: str, tmp_path: Path) -> None:
    right, planted = GRADIENT_FAULTS[name]
    assert SHIPPED.count(right) == 1
    assert "gradient" in disagreements(SHIPPED.replace(right, planted), tmp_path)


def test_dropout_drops_the_asked_share_and_scales_the_others(tmp_path: Path) -> None:
    run = "dropoutMasks(mulberry32(5), 0.3, 20000).map((mask) => [...mask])"
    for mask in in_node(SHIPPED, run, tmp_path):
        assert sorted(set(mask)) == [0, 1 / 0.7]
        assert mask.count(0) / len(mask) == pytest.approx(0.3, abs=0.01)
    assert in_node(SHIPPED, "dropoutMasks(mulberry32(5), 0, 10)", tmp_path) is None


def test_the_numbers_drawn_are_those_of_python_to_the_last_bit(tmp_path: Path) -> None:
    for seed in (0, 1, 2999, 2**32 - 1):
        drawn = in_node(SHIPPED, "Array.from({ length: 100 }, mulberry32(data))", tmp_path, seed)
        assert drawn == draws.whole_numbers(seed, 100).tolist()
        assert drawn[60:] == draws.whole_numbers(seed, 40, skip=60).tolist()


def test_training_leaves_pytorchs_own_random_numbers_alone() -> None:
    before = torch.get_rng_state()
    RegularizationPlayground(epochs=2, dropout=0.5).train()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_that_diverges_ends_there_in_the_page_and_in_python(tmp_path: Path) -> None:
    figure = RegularizationPlayground("moons", activation="relu", lr=10, weight_decay=10, epochs=1000)
    run = figure.train()
    assert run.ended == "diverged"
    theirs = in_node(
        SHIPPED,
        "(() => { const run = begin(data); while (!run.ended) advance(run); return run; })()",
        tmp_path,
        figure.state,
    )
    assert theirs["ended"] == "diverged"
    assert abs(theirs["epoch"] - (len(run.val_loss) - 1)) <= 1
    bundled = figure._repr_mimebundle_()
    assert bundled is not None
    assert "nan" not in bundled[0]["text/html"]
    assert "the training diverges after" in html.unescape(bundled[0]["text/html"])


def test_each_remedy_of_the_figure_closes_the_gap_that_the_chapter_starts_with(tmp_path: Path) -> None:
    states = [RegularizationPlayground(seed=4, **remedies(name)).state for name in SPEC["remedies"]]
    run = """data.map((state) => {
        const run = begin(state);
        while (!run.ended) advance(run);
        return [run.train, run.validation].map(({ X, y }) => score(forward(run.net, X).logits, y).loss);
    })"""
    (train, validation), *others = in_node(SHIPPED, run, tmp_path, states)
    assert validation - train > 1
    assert validation > 1.1
    for train, validation in others:
        assert validation - train < 0.2
        assert validation < 0.5


def remedies(name: str) -> dict[str, float]:
    return {key: value for key, value in SPEC["remedies"][name].items() if key != "label"}


def test_engine_and_python_have_the_same_defaults(tmp_path: Path) -> None:
    assert in_node(SHIPPED, "settings({})", tmp_path) == RegularizationPlayground().state == SPEC["defaults"]
    for data in SPEC["data"]:
        assert in_node(SHIPPED, "settings({ data })", tmp_path, data) == RegularizationPlayground(data).state


def test_settings_from_a_broken_link_are_made_usable(tmp_path: Path) -> None:
    broken = [
        {"data": "constructor", "activation": 7, "noise": "NaN", "seed": -3, "width": 1e9, "epochs": 0},
        {"data": "xor", "lr": None, "dropout": 1, "weight_decay": -1, "l1": "much", "patience": 2.6, "width": 3.4},
    ]
    usable = in_node(SHIPPED, "data.map(settings)", tmp_path, broken)
    assert [RegularizationPlayground(**state).state for state in usable] == usable
    assert usable[0] == {**SPEC["defaults"], "width": 32, "epochs": 1}
    assert usable[1] == {**SPEC["defaults"], "data": "xor", "dropout": 0.9, "patience": 3, "width": 3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"data": "moon"}, "data: got 'moon', expected one of .*; did you mean 'moons'"),
        ({"activation": "gelu"}, "activation: got 'gelu', expected one of tanh, relu"),
        ({"width": 33}, "width: got 33, expected a number from 1 to 32"),
        ({"noise": float("nan")}, "noise: got nan, expected a number from 0 to 2"),
        ({"dropout": 1.0}, "dropout: got 1.0, expected a number from 0 to 0.9"),
        ({"patience": -1}, "patience: got -1, expected a number from 0 to 5000"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^RegularizationPlayground: {message}"):
        RegularizationPlayground(**arguments)
    figure = RegularizationPlayground()
    name, value = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=message):
        setattr(figure, name, value)
    assert figure.state == SPEC["defaults"]


def test_the_output_has_a_live_view_a_page_with_a_still_picture_and_a_short_text() -> None:
    figure = RegularizationPlayground("xor", epochs=40, weight_decay=0.01, patience=10, name="first")
    run = figure.train()
    bundled = figure._repr_mimebundle_()
    assert bundled is not None
    data = bundled[0]
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == "RegularizationPlayground(data='xor', epochs=40, weight_decay=0.01, patience=10)"
    div = ET.fromstring(data["text/html"])
    assert div.attrib["data-figure"] == "playground"
    assert div.attrib["data-name"] == "first"
    assert json.loads(div.attrib["data-state"]) == figure.state
    (picture,) = div
    assert picture.attrib["role"] == "img"
    said = picture.attrib["aria-label"]
    assert said.startswith("XOR: 60 training points and 200 validation points. With weight decay 0.01, patience 10 ")
    assert f"the lowest validation loss, {min(run.val_loss):.2g}, is that of epoch {run.best_epoch}." in said
    assert len(data["text/html"]) < 20_000


def test_colours_are_of_the_palette_and_classes_differ_from_losses() -> None:
    used = [*SPEC["colors"]["classes"], SPEC["colors"]["train"], SPEC["colors"]["validation"]]
    assert len(set(used)) == 4
    assert set(used) <= set(plots.COLORS)
