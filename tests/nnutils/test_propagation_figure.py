"""The signal propagation's engine, as it is shipped, against PyTorch's layers and autograd; the Python side."""

import html
import itertools
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nnutils import init, plots
from nnutils.figures import SignalPropagation, bundle, propagation
from nnutils.figures.draws import nearly_normal
from tests.nnutils.javascript import in_node

SHIPPED = bundle.module("propagation_engine")
SPEC = propagation.SPEC
WIDTH, SAMPLES, DEPTH = SPEC["width"], SPEC["samples"], SPEC["depth"]
MODULES = {"linear": nn.Identity, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
WEIGHT_STD = {"small": 0.01, "large": 1.0, "xavier": 0.1, "he": 0.02**0.5}
CASES = [
    {"activation": activation, "scheme": scheme, "gain": gain, "seed": seed}
    for activation, (scheme, gain, seed) in itertools.product(
        MODULES, [("small", 1.0, 0), ("large", 0.5, 1), ("xavier", 1.67, 2**32 - 1), ("he", 1.0, 3)]
    )
]


def with_torch(case: dict[str, Any]) -> dict[str, list[float]]:
    """Return the numbers of each layer by torch.nn and autograd, for the input first."""
    drawn = nearly_normal(case["seed"], 2 * SAMPLES * WIDTH + DEPTH * WIDTH * WIDTH)
    inputs, above, weights = drawn.split([SAMPLES * WIDTH, SAMPLES * WIDTH, DEPTH * WIDTH * WIDTH])
    h = inputs.view(SAMPLES, WIDTH).clone().requires_grad_()
    kept, flat = [h], []
    for W in weights.view(DEPTH, WIDTH, WIDTH):
        layer = nn.Linear(WIDTH, WIDTH, bias=False, dtype=torch.float64)
        layer.weight.data = case["gain"] * WEIGHT_STD[case["scheme"]] * W
        z = layer(kept[-1])
        kept.append(MODULES[case["activation"]]()(z))
        (slope,) = torch.autograd.grad(kept[-1].sum(), z, retain_graph=True)
        flat.append((slope.abs() < 0.01).double().mean().item())
    gradients = torch.autograd.grad((kept[-1] * above.view(SAMPLES, WIDTH)).sum(), kept)

    def std(all_layers: Any) -> list[float]:
        return [one.detach().std(correction=0).item() for one in all_layers]

    between = [one.detach().var(0, correction=0).mean().sqrt().item() for one in kept[1:]]
    return {"activations": std(kept), "gradient": std(gradients), "between": between, "flat": flat}


REFERENCE = [with_torch(case) for case in CASES]


def disagreements(module: str, folder: Path) -> dict[str, float]:
    """Return the largest relative difference from PyTorch of each kind of number, where it is over 1e-9."""
    found: dict[str, float] = {}
    for scene, expected in zip(in_node(module, "data.map(scene)", folder, CASES), REFERENCE, strict=True):
        for what, numbers in expected.items():
            layers = scene["layers"][DEPTH + 1 - len(numbers) :]
            ours, theirs = (np.array(one, dtype=float) for one in ([layer[what] for layer in layers], numbers))
            # shares are compared as they are; rounding alone leaves 1e-16 between inputs where all units stand at 1/2
            size = {"flat": 1, "between": np.maximum(theirs, 1e-6)}.get(what, theirs)
            worst = float((np.abs(ours - theirs) / size).max())
            if not worst <= 1e-9:
                found[what] = max(worst, found.get(what, 0))
    return found


def test_every_number_of_the_engine_is_that_of_pytorch(tmp_path: Path) -> None:
    assert disagreements(SHIPPED, tmp_path) == {}


def test_every_number_of_the_class_is_that_of_pytorch() -> None:
    for case, expected in zip(CASES, REFERENCE, strict=True):
        figure = SignalPropagation(**case)
        assert figure.activation_std().tolist() == pytest.approx(expected["activations"], rel=1e-9)
        assert figure.gradient_std().tolist() == pytest.approx(expected["gradient"], rel=1e-9)


@pytest.mark.parametrize(
    ("right", "planted", "expected"),
    [
        ("small: () => 0.01", "small: () => 0.0101", {"activations", "gradient"}),
        ("Math.sqrt(2 / fanIn)", "Math.sqrt(2.0001 / fanIn)", {"activations", "gradient"}),
        ("w[i * width + j];\n      out", "w[j * width + i];\n      out", {"activations"}),
        ("+= factor * w[i * width + j]", "+= factor * w[j * width + i]", {"gradient"}),
        ("one * slopes[l - 1][i]", "one", {"gradient"}),
        ("4 * sigmoid(2 * z)", "4.001 * sigmoid(2 * z)", {"gradient"}),
        ("< spec.flat)", "< 2 * spec.flat)", {"flat"}),
        ("means[at % width] +=", "means[0] +=", {"between"}),
        ("12; i++", "11; i++", {"activations", "gradient"}),
    ],
)
def test_a_planted_fault_in_the_engine_is_caught(right: str, planted: str, expected: set[str], tmp_path: Path) -> None:
    assert SHIPPED.count(right) == 1
    assert expected <= set(disagreements(SHIPPED.replace(right, planted), tmp_path))


def test_random_numbers_are_the_same_in_the_page_and_in_python_to_the_last_bit(tmp_path: Path) -> None:
    for seed in (0, 1, 2**32 - 1):
        found = in_node(bundle.module("draws"), "[...normals(data, 500)]", tmp_path, seed)
        assert found == nearly_normal(seed, 500).tolist()


def test_random_numbers_are_nearly_normal() -> None:
    numbers = nearly_normal(5, 100_000)
    assert numbers.mean().item() == pytest.approx(0, abs=0.01)
    assert numbers.std().item() == pytest.approx(1, abs=0.01)
    for z, below in ((-1, 0.1587), (1, 0.8413), (2, 0.9772)):
        assert (numbers < z).double().mean().item() == pytest.approx(below, abs=0.005)


def test_the_schemes_are_those_of_nnutils_init() -> None:
    seeded = torch.Generator().manual_seed(0)
    for scheme, fill in (("xavier", init.xavier_normal_), ("he", init.he_normal_)):
        weight = fill(torch.empty(WIDTH, WIDTH), generator=seeded)
        assert SignalPropagation(scheme=scheme).weight_std() == pytest.approx(weight.std().item(), rel=0.02)
    figure = SignalPropagation(scheme="he", gain=0.5)
    assert figure.weight_std() == pytest.approx(0.5 * (2 / WIDTH) ** 0.5)


def test_histograms_count_every_value_once(tmp_path: Path) -> None:
    run = """data.map((state) => {
        const { layers, activation } = scene(state);
        return layers.slice(1).map(({ counts, outside }) => ({ counts, outside }));
    })"""
    for case, layers in zip(CASES, in_node(SHIPPED, run, tmp_path, CASES), strict=True):
        low, high = SPEC["activations"][case["activation"]]["axis"]
        for found, h in zip(layers, SignalPropagation(**case).activations()[1:], strict=True):
            kept: Tensor = h[h != 0] if case["activation"] == "relu" else h
            expected, _ = np.histogram(kept.numpy(), SPEC["bins"], (low, high))
            # a value on an edge may fall to either side by rounding
            assert np.abs(np.cumsum(found["counts"]) - np.cumsum(expected)).max() <= 3
            assert sum(found["counts"]) + found["outside"] * h.numel() == pytest.approx(kept.numel())


def test_what_the_figure_is_there_to_show() -> None:
    def ends(activation: str, scheme: str) -> tuple[float, float]:
        figure = SignalPropagation(activation, scheme)
        forward, back = figure.activation_std(), figure.gradient_std()
        return float(forward[-1] / forward[1]), float(back[1] / back[-1])

    assert max(ends("tanh", "small")) < 1e-6
    assert min(ends("linear", "large")) > 1e6
    assert ends("tanh", "large")[1] > 100
    for activation, scheme in (("linear", "xavier"), ("tanh", "xavier"), ("relu", "he")):
        assert 0.1 < min(ends(activation, scheme)) < max(ends(activation, scheme)) < 10
    assert max(ends("relu", "xavier")) < 0.2


def test_settings_from_a_broken_link_are_made_usable(tmp_path: Path) -> None:
    broken = [
        {"activation": "constructor", "scheme": "hee", "gain": "x", "seed": None},
        {"activation": "relu", "scheme": "he", "gain": 1e9, "seed": -3.5},
        {},
    ]
    usable = in_node(SHIPPED, "data.map(settings)", tmp_path, broken)
    assert [SignalPropagation(**state).state for state in usable] == usable
    assert usable[0] == usable[2] == SignalPropagation().state
    assert usable[1] == {"activation": "relu", "scheme": "he", "gain": 4, "seed": 0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activation": "rellu"}, "activation: got 'rellu', expected one of .*; did you mean 'relu'"),
        ({"scheme": "xaver"}, "scheme: got 'xaver', expected one of .*; did you mean 'xavier'"),
        ({"gain": 5}, "gain: got 5.*, expected a number from 0.25 to 4"),
        ({"seed": -1}, "seed: got -1, expected a number from 0"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^SignalPropagation: {message}"):
        SignalPropagation(**arguments)
    figure = SignalPropagation()
    name, value = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=message):
        setattr(figure, name, value)
    assert figure.state == SignalPropagation().state


def test_the_output_has_a_live_view_a_page_with_a_still_picture_and_a_short_text() -> None:
    for case in CASES:
        figure = SignalPropagation(**case, name="first")
        bundled = figure._repr_mimebundle_()
        assert bundled is not None
        data = bundled[0]
        assert "application/vnd.jupyter.widget-view+json" in data
        assert data["text/plain"] == repr(figure)
        div = ET.fromstring(data["text/html"])
        assert div.attrib["data-figure"] == "propagation"
        assert div.attrib["data-name"] == "first"
        assert json.loads(div.attrib["data-state"]) == figure.state
        (picture,) = div
        assert picture.attrib["role"] == "img"
        said = html.unescape(picture.attrib["aria-label"])
        assert f"to {float(figure.activation_std()[-1]):.2g} in the last" in said
        assert f"to {float(figure.gradient_std()[1]):.2g} in layer 1." in said
        assert len(data["text/html"]) < 8_000


def test_colours_are_of_the_palette() -> None:
    assert set(SPEC["colors"].values()) <= set(plots.COLORS)
