"""The race's engine, as it is shipped, against torch.optim; the Python side's arguments, page and still picture."""

import html
import itertools
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import scipy.optimize
import torch

from nnutils import plots
from nnutils.figures import OptimizerRace, bundle, race
from nnutils.figures.sphinx_ext import MATHS, OPTION, _maths, without_outputs
from tests.nnutils.javascript import in_node

TOLERANCE = 1e-6
SHIPPED = str(OptimizerRace._esm)
NAMES = list(race.SPEC["optimizers"])
SURFACES = list(race.SPEC["surfaces"])

TORCH: dict[str, Callable[[torch.Tensor, dict[str, Any]], torch.optim.Optimizer]] = {
    "sgd": lambda w, h: torch.optim.SGD([w], lr=h["lr"]),
    "momentum": lambda w, h: torch.optim.SGD([w], lr=h["lr"], momentum=h["momentum"]),
    "nesterov": lambda w, h: torch.optim.SGD([w], lr=h["lr"], momentum=h["momentum"], nesterov=True),
    "adagrad": lambda w, h: torch.optim.Adagrad([w], lr=h["lr"]),
    "rmsprop": lambda w, h: torch.optim.RMSprop([w], lr=h["lr"], alpha=h["alpha"]),
    "adam": lambda w, h: torch.optim.Adam([w], lr=h["lr"], betas=tuple(h["betas"])),
}


def changed(surface: str, **changes: Any) -> dict[str, Any]:
    """Return a figure's settings: the surface's defaults with all optimizers, 150 steps, and these changes."""
    figure = OptimizerRace(surface, NAMES, **{"steps": 150, **changes})
    return figure.state


# Smaller and larger rates, other memories, other starts and seeds; where runs of SGD and momentum diverge, that too.
CASES = [
    *(changed(surface) for surface in SURFACES),
    *(
        changed(
            surface,
            start=start,
            seed=7,
            noise=0.5,
            steps=120,
            hyper={
                name: {"lr": usual["lr"] * factor, **other}
                for (name, usual), other in zip(OptimizerRace(surface).hyper.items(), others, strict=True)
            },
        )
        for (surface, start), (factor, others) in itertools.product(
            [("ravine", (3.5, -1)), ("saddle", (-1, -0.3)), ("rosenbrock", (0.4, 0.9)), ("noisy_bowl", (1.5, -1.5))],
            [
                (0.3, [{}, {"momentum": 0.5}, {"momentum": 0.99}, {}, {"alpha": 0.99}, {"betas": (0.5, 0.9)}]),
                (1.2, [{}, {"momentum": 0}, {"momentum": 0.8}, {}, {"alpha": 0.5}, {"betas": (0.95, 0.99)}]),
                (100, [{}, {}, {}, {}, {}, {}]),
            ],
        )
    ),
]


def torch_path(state: dict[str, Any], name: str) -> tuple[torch.Tensor, int | None]:
    """Return the path that torch.optim takes, up to the step at which it has diverged, and that step."""
    w = torch.tensor(state["start"], dtype=torch.float64, requires_grad=True)
    optimizer = TORCH[name](w, state["hyper"][name])
    noise = state["noise"] * race.gradient_noise(state["seed"], state["steps"])
    path = [w.detach().clone()]
    for t in range(state["steps"]):
        optimizer.zero_grad()
        race.SURFACES[state["surface"]](w).backward()
        assert w.grad is not None
        if state["surface"] == "noisy_bowl":
            w.grad += noise[t]
        optimizer.step()
        if not bool((w.abs() <= race.SPEC["far"]).all()):
            return torch.stack(path), t + 1
        path.append(w.detach().clone())
    return torch.stack(path), None


REFERENCE = {(i, name): torch_path(state, name) for i, state in enumerate(CASES) for name in NAMES}


def disagreements(module: str, folder: Path) -> dict[tuple[str, str], float]:
    """Return the largest difference from torch.optim (relative where |w| > 1), where it is over 1e-6."""
    found: dict[tuple[str, str], float] = {}
    for i, runs in enumerate(in_node(module, "data.map(trajectories)", folder, CASES)):
        for run in runs:
            path, diverged = REFERENCE[i, run["name"]]
            ours = torch.tensor(run["path"], dtype=torch.float64)
            if run["diverged"] != diverged or ours.shape != path.shape:
                worst = float("inf")
            else:
                worst = float(((ours - path).abs() / path.abs().clamp(min=1)).max())
            if not worst <= TOLERANCE:
                key = (CASES[i]["surface"], run["name"])
                found[key] = max(worst, found.get(key, 0))
    return found


def test_paths_agree_with_torch_optim_on_every_surface(tmp_path: Path) -> None:
    assert len(REFERENCE) == 16 * 6
    assert disagreements(SHIPPED, tmp_path) == {}


def test_the_cases_hold_runs_that_stay_and_runs_that_diverge() -> None:
    ends = [diverged for _, diverged in REFERENCE.values()]
    assert sum(end is None for end in ends) >= 60
    assert sum(end is not None for end in ends) >= 5


FAULTS = {
    ("sgd",): ("g.map((gi) => -lr * gi)", "g.map((gi) => -1.01 * lr * gi)"),
    ("momentum",): ("return memory.velocity.map((v) => -lr * v)", "return memory.velocity.map((v) => -1.01 * lr * v)"),
    ("nesterov",): ("gi + momentum * memory.velocity[i]", "gi + 1.01 * momentum * memory.velocity[i]"),
    ("adagrad",): ("(memory.sum ? memory.sum[i] : 0) + gg", "(memory.sum ? memory.sum[i] : 0) + 1.01 * gg"),
    ("rmsprop", "adam"): (
        "const square = (g) => g.map((gi) => gi * gi)",
        "const square = (g) => g.map((gi) => 1.01 * gi * gi)",
    ),
    ("adam",): ("v / (1 - betas[1] ** memory.step)", "v / (1.01 - betas[1] ** memory.step)"),
    ("ravine",): ("grad: ([x, y]) => [0.08 * x, 4 * y]", "grad: ([x, y]) => [0.0808 * x, 4 * y]"),
    ("saddle",): ("[x, y ** 3 - y]", "[x, y ** 3 - 1.01 * y]"),
    ("rosenbrock",): ("200 * (y - x * x)]", "202 * (y - x * x)]"),
    ("noisy_bowl",): (
        "grad(w).map((gi, i) => gi + sigma * shocks",
        "grad(w).map((gi, i) => gi + 1.01 * sigma * shocks",
    ),
}


@pytest.mark.parametrize("wrong", FAULTS, ids=" and ".join)
def test_one_percent_off_in_the_engine_is_caught(wrong: tuple[str, ...], tmp_path: Path) -> None:
    right, planted = FAULTS[wrong]
    assert SHIPPED.count(right) == 1
    found = disagreements(SHIPPED.replace(right, planted), tmp_path)
    assert found
    assert set(wrong) <= {part for key in found for part in key}


def test_loss_and_gradient_of_each_surface_agree_with_autograd(tmp_path: Path) -> None:
    points = (4 * torch.rand(50, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 2).tolist()
    values = in_node(
        SHIPPED,
        "Object.fromEntries(Object.entries(SURFACES).map(([n, f]) => [n, data.map((w) => [f.loss(w), f.grad(w)])]))",
        tmp_path,
        points,
    )
    assert list(values) == SURFACES == list(race.SURFACES)
    for name, pairs in values.items():
        for point, (loss, grad) in zip(points, pairs, strict=True):
            w = torch.tensor(point, dtype=torch.float64, requires_grad=True)
            expected = race.SURFACES[name](w)
            expected.backward()
            assert loss == pytest.approx(expected.item(), rel=1e-12, abs=1e-12)
            assert grad == pytest.approx(w.grad.tolist(), rel=1e-10, abs=1e-10)  # type: ignore[union-attr]


def test_rosenbrock_is_scipys() -> None:
    points = torch.randn(20, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    expected = torch.as_tensor(scipy.optimize.rosen(points.T.numpy()))
    torch.testing.assert_close(race.SURFACES["rosenbrock"](points), expected)


def test_loss_and_gradient_vanish_at_the_minima_that_the_map_marks() -> None:
    for name, about in race.SPEC["surfaces"].items():
        for minimum in about["minima"]:
            w = torch.tensor(minimum, dtype=torch.float64)
            assert float(race.SURFACES[name](w)) == 0
            assert torch.func.grad(race.SURFACES[name])(w).tolist() == [0, 0]


def test_noise_is_the_same_in_the_page_and_in_python_to_the_last_bit(tmp_path: Path) -> None:
    for seed in (0, 1, 12345, 2**32 - 1):
        assert in_node(SHIPPED, "noise(data, 200)", tmp_path, seed) == race.gradient_noise(seed, 200).tolist()


def test_noise_has_mean_0_and_standard_deviation_1() -> None:
    noise = race.gradient_noise(3, 20000)
    assert noise.mean().item() == pytest.approx(0, abs=0.02)
    assert noise.std().item() == pytest.approx(1, abs=0.02)


def test_python_paths_are_those_of_the_page(tmp_path: Path) -> None:
    for surface in SURFACES:
        figure = OptimizerRace(surface, NAMES, steps=60)
        for run in in_node(SHIPPED, "trajectories(data)", tmp_path, figure.state):
            torch.testing.assert_close(
                figure.paths()[run["name"]], torch.tensor(run["path"], dtype=torch.float64), rtol=1e-6, atol=1e-6
            )


def test_engine_and_python_have_the_same_defaults(tmp_path: Path) -> None:
    for surface in SURFACES:
        ours = OptimizerRace(surface, NAMES).state
        theirs = in_node(SHIPPED, "settings({ surface: data })", tmp_path, surface)
        assert theirs == ours


def test_settings_from_a_broken_link_are_made_usable(tmp_path: Path) -> None:
    broken = [
        {
            "surface": "constructor",
            "optimizers": ["adam", "adamant"],
            "start": ["x"],
            "steps": -3,
            "noise": "",
            "seed": 1e99,
        },
        {
            "surface": "saddle",
            "optimizers": [],
            "start": [1e9, None],
            "steps": "many",
            "hyper": {"adam": {"lr": "NaN", "betas": [2]}},
        },
        {"hyper": {"momentum": {"lr": -1, "momentum": 1}, "rmsprop": None}, "steps": 1e9},
    ]
    for state in in_node(SHIPPED, "data.map(settings)", tmp_path, broken):
        state["optimizers"] = state["optimizers"] or ["sgd"]
        assert OptimizerRace(**state).state == state
    usable = in_node(SHIPPED, "data.map(settings)", tmp_path, broken)
    assert [state["surface"] for state in usable] == ["ravine", "saddle", "ravine"]
    assert usable[0]["optimizers"] == ["adam"]


def test_a_missing_node_fails_and_names_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.fail.Exception, match="make setup-system"):
        in_node(SHIPPED, "1", tmp_path)


def test_the_shipped_texts_are_complete_javascript(tmp_path: Path) -> None:
    assert not re.search(r"^import ", SHIPPED, re.MULTILINE)
    modules = {f"{name}.mjs": bundle.module(name) for name in bundle.FIGURES}
    for file, text in {**bundle.site_scripts(), **modules}.items():
        (tmp_path / file).write_text(text, encoding="utf-8")
        subprocess.run([shutil.which("node") or "node", "--check", str(tmp_path / file)], check=True)


@pytest.mark.parametrize("name", bundle.FIGURES)
def test_the_page_runs_the_text_of_the_engine_that_is_tested(name: str) -> None:
    engine = bundle.module(f"{name}_engine")
    assert engine in bundle.module(name)
    unexported = re.sub(r"^export (\{.*\};\n)?", "", engine, flags=re.MULTILINE)
    assert unexported in bundle.site_scripts()[f"figure-{name}.js"]


def test_colours_are_the_palette_of_the_printed_figures() -> None:
    for name, look in race.SPEC["optimizers"].items():
        assert look["color"].lower() == plots.PALETTE[name].lower()


def test_optimizers_differ_by_dash_and_by_marker_not_by_colour_alone() -> None:
    for key in ("dash", "marker", "color"):
        assert len({look[key] for look in race.SPEC["optimizers"].values()}) == len(NAMES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"surface": "rosenbrook"}, "surface: got 'rosenbrook', expected one of .*; did you mean 'rosenbrock'"),
        ({"optimizers": ["adm"]}, "optimizers: got 'adm', expected one of .*; did you mean 'adam'"),
        ({"steps": 0}, "steps: got 0, expected a number from 1 to 1000"),
        ({"start": (float("nan"), 0)}, "start.0.: got nan, expected a number"),
        ({"seed": -1}, "seed: got -1"),
        ({"noise": -1}, "noise: got -1"),
        ({"hyper": {"adam": {"lr": -1}}}, "hyper..adam....lr..: got -1, expected a number from 0"),
        ({"hyper": {"adam": {"beta": (0.9, 0.99)}}}, "got 'beta', expected one of lr, betas; did you mean 'betas'"),
        ({"hyper": {"adam": {"betas": 0.9}}}, "expected a pair like"),
        ({"hyper": {"momentum": {"momentum": 1.0}}}, "momentum.*: got 1.0, expected a number from 0 to below 1"),
        ({"hyper": {"sgdd": {}}}, "hyper: got 'sgdd'.*did you mean 'sgd'"),
    ],
)
def test_bad_arguments_are_refused_in_one_sentence(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OptimizerRace(**arguments)
    figure = OptimizerRace()
    name, value = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=message):
        setattr(figure, name, value)
    assert figure.state == OptimizerRace().state


def test_one_name_in_place_of_a_list_is_refused_with_the_list_that_was_meant() -> None:
    with pytest.raises(ValueError, match=r"got the string 'adam', expected a list of names, like \['adam'\]"):
        OptimizerRace(optimizers="adam")


def test_the_output_has_a_live_view_a_page_with_a_still_picture_and_a_short_text() -> None:
    figure = OptimizerRace("saddle", ["sgd", "adam"], steps=50, name="pass")
    bundled = figure._repr_mimebundle_()
    assert bundled is not None
    data = bundled[0]
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == "OptimizerRace(surface='saddle', optimizers=['sgd', 'adam'])"
    again = OptimizerRace("saddle", ["sgd", "adam"], steps=50, name="pass")._repr_mimebundle_()
    assert again is not None
    assert again[0]["text/html"] == data["text/html"]
    div = ET.fromstring(data["text/html"])
    assert div.attrib["data-name"] == "pass"
    assert json.loads(div.attrib["data-state"]) == figure.state
    (picture,) = div
    assert picture.attrib["role"] == "img"
    assert "SGD (rate 0.1) ends at loss" in picture.attrib["aria-label"]
    assert len(data["text/html"]) < 40_000


def test_the_still_picture_says_which_run_diverges() -> None:
    figure = OptimizerRace("ravine", ["sgd", "adam"], hyper={"sgd": {"lr": 1}})
    bundled = figure._repr_mimebundle_()
    assert bundled is not None
    text = html.unescape(bundled[0]["text/html"])
    assert "SGD diverges" in text
    assert "nan" not in text
    assert "inf" not in text


def test_importing_nnutils_does_not_load_the_widgets() -> None:
    code = "import sys, nnutils, nnutils.optim; sys.exit('anywidget' in sys.modules or 'ipywidgets' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_importing_the_figures_loads_neither_pyplot_nor_ipython_display() -> None:
    code = "import sys, nnutils.figures; sys.exit('matplotlib.pyplot' in sys.modules or 'sphinx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_downloaded_notebook_keeps_its_cells_and_loses_its_outputs() -> None:
    cells = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "η"},
        {"cell_type": "code", "id": "b", "metadata": {}, "source": "1", "execution_count": 3, "outputs": [{"x": 1}]},
    ]
    notebook = {"cells": cells, "metadata": {"widgets": {"big": 1}}, "nbformat": 4, "nbformat_minor": 5}
    clean = json.loads(without_outputs(json.dumps(notebook)))
    assert clean["cells"][1] == {**cells[1], "execution_count": None, "outputs": []}
    assert clean["cells"][0] == cells[0]
    assert clean["metadata"] == {}


def test_maths_in_quiz_options_reaches_mathjax() -> None:
    option = r'<details class="quiz-option" data-correct="true"><summary>$2/\lambda$</summary> $x$, \$3, $4 </details>'
    body = f"<p>$5</p>{option}"
    after = OPTION.sub(lambda option: MATHS.sub(_maths, option[0]), body)
    assert after.startswith("<p>$5</p>")
    assert r'<summary><span class="math notranslate nohighlight">\(2/\lambda\)</span></summary>' in after
    assert after.count('class="math') == 2
