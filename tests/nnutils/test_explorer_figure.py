"""The explorer's engine, as it is shipped, against PyTorch and SciPy; the Python side; the texts."""

import html
import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import scipy.integrate
import scipy.stats
import torch
import torch.nn.functional as F
from torch import Tensor

from nnutils import plots
from nnutils.activations import ACTIVATIONS
from nnutils.figures import ActivationExplorer, bundle, explorer
from tests.nnutils.javascript import in_node

SHIPPED = bundle.module("explorer_engine")
ABOUT = explorer.SPEC["activations"]
NAMES = list(ABOUT)
TOLERANCE = 1e-12

TORCH: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
}
Z = torch.linspace(-6, 6, 121, dtype=torch.float64)


def with_torch(name: str) -> tuple[Tensor, Tensor]:
    """Return PyTorch's values at Z and autograd's slopes."""
    z = Z.clone().requires_grad_()
    a = TORCH[name](z)
    (slope,) = torch.autograd.grad(a.sum(), z)
    return a.detach(), slope


def with_scipy(name: str) -> float:
    """Return the root mean square of the slope for z from N(0, 1) by adaptive quadrature, cut at the kink."""

    def density(z: float) -> float:
        slope = ACTIVATIONS[name].derivative(torch.tensor(z, dtype=torch.float64)).item()
        return slope**2 * scipy.stats.norm.pdf(z)

    parts = [scipy.integrate.quad(density, *ends, epsabs=1e-14, epsrel=1e-13) for ends in ((-12, 0), (0, 12))]
    return math.sqrt(sum(value for value, _ in parts))


REFERENCE = {name: with_torch(name) for name in NAMES}
TYPICAL = {name: with_scipy(name) for name in NAMES}


def disagreements(module: str, folder: Path) -> set[tuple[str, str]]:
    """Return (activation, kind of number) wherever one differs from PyTorch's or SciPy's by more than 1e-12."""
    run = """Object.entries(ACTIVATIONS).map(([activation, { value, slope }]) => {
        const scenes = [[0.5, 1.5], [-2, 8], [4.75, 0.25]].map(([z, weight]) => scene({ activation, z, weight }));
        return { value: data.map(value), slope: data.map(slope), typical: typicalSlope(activation), scenes };
    })"""
    wrong = set()
    for name, found in zip(NAMES, in_node(module, run, folder, Z.tolist()), strict=True):
        for what, expected in zip(("value", "slope"), REFERENCE[name], strict=True):
            if found[what] != pytest.approx(expected.tolist(), rel=TOLERANCE, abs=TOLERANCE):
                wrong.add((name, what))
        if found["typical"] != pytest.approx(TYPICAL[name], rel=TOLERANCE):
            wrong.add((name, "typical"))
        for scene in found["scenes"]:
            figure = ActivationExplorer(name, z=scene["z"], weight=scene["weight"])
            (slope,) = torch.autograd.functional.jacobian(TORCH[name], torch.tensor([figure.z], dtype=torch.float64))
            for what, ours, factor in (
                ("products", figure.products(), slope.abs().item()),
                ("typicals", figure.typical_products(), TYPICAL[name]),
            ):
                expected = [math.prod([figure.weight * factor] * depth) for depth in range(1, 21)]
                if scene[what] != pytest.approx(expected, rel=1e-9, abs=1e-300):
                    wrong.add((name, what))
                assert ours.tolist() == pytest.approx(expected, rel=1e-9, abs=1e-300)
    return wrong


def test_every_number_of_the_engine_is_that_of_pytorch(tmp_path: Path) -> None:
    assert NAMES == list(ACTIVATIONS) == list(TORCH)
    assert disagreements(SHIPPED, tmp_path) == set()


@pytest.mark.parametrize(
    ("right", "planted", "expected"),
    [
        ("4 * sigmoid(2 * z)", "4.0001 * sigmoid(2 * z)", {("tanh", "slope"), ("tanh", "typical")}),
        ("z : 0.01 * z", "z : 0.02 * z", {("leaky_relu", "value")}),
        ("? 1 : 0.01)", "? 1 : 0.02)", {("leaky_relu", "slope"), ("leaky_relu", "typicals")}),
        ("? 1 : Math.exp(z)", "? 1 : Math.exp(2 * z)", {("elu", "slope"), ("elu", "products")}),
        ("normal(z) + z * density(z)", "normal(z) - z * density(z)", {("gelu", "slope")}),
        ("> 1e-17 * Math", "> 1e-10 * Math", {("gelu", "value")}),
        ("1 + z * sigmoid(-z)", "1 + z * sigmoid(z)", {("silu", "slope"), ("silu", "products")}),
        ("[0, 8 / 9]", "[0, 7.999 / 9]", {("sigmoid", "typical"), ("relu", "typicals")}),
        ("slope(z) ** 2 *", "Math.abs(slope(z)) *", {("sigmoid", "typical")}),
        ("factor ** (i + 1)", "factor ** i", {("silu", "products"), ("silu", "typicals")}),
    ],
)
def test_a_planted_fault_in_the_engine_is_caught(
    right: str, planted: str, expected: set[tuple[str, str]], tmp_path: Path
) -> None:
    assert SHIPPED.count(right) == 1
    assert expected <= disagreements(SHIPPED.replace(right, planted), tmp_path)


def test_the_root_mean_square_slope_has_its_closed_form() -> None:
    ours = {name: ActivationExplorer(name).typical_slope() ** 2 for name in NAMES}
    assert ours == pytest.approx({name: TYPICAL[name] ** 2 for name in NAMES}, rel=TOLERANCE)
    assert ours["relu"] == pytest.approx(1 / 2, rel=TOLERANCE)
    assert ours["leaky_relu"] == pytest.approx((1 + 0.01**2) / 2, rel=TOLERANCE)
    assert ours["elu"] == pytest.approx(1 / 2 + math.exp(2) * scipy.stats.norm.cdf(-2), rel=TOLERANCE)


def test_the_typical_product_is_the_root_mean_square_of_random_products() -> None:
    z = torch.randn(200_000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for name in NAMES:
        sampled = ACTIVATIONS[name].derivative(z).prod(1).square().mean().sqrt().item()
        assert ActivationExplorer(name).typical_products()[2].item() == pytest.approx(sampled, rel=0.02), name


def test_the_shaded_parts_are_where_the_slope_is_below_a_hundredth(tmp_path: Path) -> None:
    found = dict(zip(NAMES, in_node(SHIPPED, "data.map(flatParts)", tmp_path, NAMES), strict=True))
    z = torch.linspace(-6, 6, 4001, dtype=torch.float64)
    for name, parts in found.items():
        shaded = torch.zeros_like(z, dtype=torch.bool)
        for low, high in parts:
            shaded |= (z >= low) & (z <= high)
        flat = ACTIVATIONS[name].derivative(z).abs() < explorer.SPEC["flat"]
        assert shaded.equal(flat), name
    # sigmoid(z) (1 - sigmoid(z)) = 0.01: the chapter's 4.6
    end = math.log((1 + math.sqrt(1 - 0.04)) / (1 - math.sqrt(1 - 0.04)))
    assert found["sigmoid"] == [pytest.approx([-6, -end]), pytest.approx([end, 6])]
    assert f"{end:.1f}" == "4.6"
    assert found["relu"] == [pytest.approx([-6, 0], abs=1e-9)]
    assert found["leaky_relu"] == []  # its slope is a hundredth, not below
    assert len(found["gelu"]) == 2  # the tail, and the bottom of the dip


def evaluated(formula: str, z: float) -> float:
    """Return the value of a formula as the page prints it."""
    code = formula.translate(str.maketrans({"·": "*", "−": "-", "²": "**2"})).replace("√(2π)", "root")
    functions = {
        "exp": math.exp,
        "tanh": math.tanh,
        "σ": lambda z: 1 / (1 + math.exp(-z)),
        "Φ": scipy.stats.norm.cdf,
        "root": math.sqrt(2 * math.pi),
    }
    return float(eval(code, {"__builtins__": {}}, {**functions, "z": z}))


def wrong_texts(about: dict[str, dict[str, Any]]) -> set[str]:
    """Return the printed formulas that do not give PyTorch's numbers."""
    return {
        one[key]
        for name, one in about.items()
        for key, expected in zip(("formula", "slope"), REFERENCE[name], strict=True)
        if [evaluated(one[key], z) for z in Z.tolist()] != pytest.approx(expected.tolist(), rel=1e-9, abs=1e-12)
    }


def test_the_printed_formulas_and_slopes_say_what_is_computed() -> None:
    assert wrong_texts(ABOUT) == set()
    planted = json.loads(json.dumps(ABOUT, ensure_ascii=False).replace("1 − tanh(z)²", "1 − tanh(z)"))
    assert wrong_texts(planted) == {"1 − tanh(z)"}


def test_settings_from_a_broken_link_are_made_usable(tmp_path: Path) -> None:
    broken = [{"activation": "constructor", "z": "x", "weight": None}, {"activation": "gelu", "z": -1e9, "weight": 99}]
    usable = in_node(SHIPPED, "data.map(settings)", tmp_path, [*broken, {}])
    assert [ActivationExplorer(**state).state for state in usable] == usable
    assert usable[0] == usable[2] == ActivationExplorer().state
    assert usable[1] == {"activation": "gelu", "z": -6, "weight": 8}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activation": "sigmoit"}, "activation: got 'sigmoit', expected one of .*; did you mean 'sigmoid'"),
        ({"z": 7}, "z: got 7.*, expected a number from -6 to 6"),
        ({"z": float("nan")}, "z: got nan"),
        ({"weight": 0}, "weight: got 0.*, expected a number from 0.25 to 8"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^ActivationExplorer: {message}"):
        ActivationExplorer(**arguments)
    figure = ActivationExplorer()
    name, value = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=message):
        setattr(figure, name, value)
    assert figure.state == ActivationExplorer().state


def test_the_output_has_a_live_view_a_page_with_a_still_picture_and_a_short_text() -> None:
    for name in NAMES:
        figure = ActivationExplorer(name, z=-1.5, weight=2, name="first")
        bundled = figure._repr_mimebundle_()
        assert bundled is not None
        data = bundled[0]
        assert "application/vnd.jupyter.widget-view+json" in data
        assert data["text/plain"] == f"ActivationExplorer(activation={name!r}, z=-1.5, weight=2.0)"
        div = ET.fromstring(data["text/html"])
        assert div.attrib["data-figure"] == "explorer"
        assert div.attrib["data-name"] == "first"
        assert json.loads(div.attrib["data-state"]) == figure.state
        (picture,) = div
        assert picture.attrib["role"] == "img"
        slope = f"{figure.slope() + 0:.3g}".replace("-", "−")
        assert f"the slope {slope}." in html.unescape(picture.attrib["aria-label"])
        curves = [path.attrib["d"] for path in picture.iter("path")]
        assert [len(re.findall("M", curve)) for curve in curves] == [1, 2 if "relu" in name else 1]
        assert len(data["text/html"]) < 16_000


def test_colours_are_of_the_palette() -> None:
    assert set(explorer.SPEC["colors"].values()) <= set(plots.COLORS)
