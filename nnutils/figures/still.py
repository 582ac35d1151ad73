"""Still pictures of the interactive figures: small SVG drawings for pages where no script runs."""

import html
import math
import re
from collections.abc import Callable
from typing import Any

import contourpy
import torch
from torch import Tensor

from nnutils.activations import Activation

__all__ = ["race"]

WIDTH, HEIGHT = 600.0, 400.0


def race(
    spec: dict[str, Any], loss: Callable[[Tensor], Tensor], state: dict[str, Any], paths: dict[str, Tensor]
) -> str:
    """Return the race's still picture: contours, paths with names, the start; what happened as alternative text.

    Lines and letters take the colour of the text around them, so that the drawing is readable on light and dark pages.

    Examples
    --------
    >>> from nnutils.figures.race import SPEC, SURFACES, OptimizerRace
    >>> figure = OptimizerRace("saddle", ["sgd"], steps=5)
    >>> race(SPEC, SURFACES["saddle"], figure.state, figure.paths())[:4]
    '<svg'
    """
    about = spec["surfaces"][state["surface"]]
    (left, right), (low, high) = about["x"], about["y"]

    def place(points: Tensor) -> list[tuple[float, float]]:
        x = (points[:, 0] - left) / (right - left) * WIDTH
        y = (high - points[:, 1]) / (high - low) * HEIGHT
        return [(round(a, 1), round(b, 1)) for a, b in torch.stack([x, y], 1).tolist()]

    def line(points: list[tuple[float, float]]) -> str:
        return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)

    xs, ys = torch.linspace(left, right, 91, dtype=torch.float64), torch.linspace(low, high, 61, dtype=torch.float64)
    grid = loss(torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1))
    contours = contourpy.contour_generator(xs.numpy(), ys.numpy(), grid.numpy(), name="serial")
    rings = "".join(line(place(torch.as_tensor(ring))) for level in about["levels"] for ring in contours.lines(level))

    drawn, labels, ends = [], [], []
    for name, path in paths.items():
        look = spec["optimizers"][name]
        far = (~path.isfinite() | (path.abs() > spec["far"])).any(1)
        kept = path[: int(far.int().argmax())] if far.any() else path
        inside = kept.clamp(torch.tensor([2 * left, 2 * low]), torch.tensor([2 * right, 2 * high]))
        drawn.append(
            f'<path d="{line(place(inside))}" fill="none" stroke="{look["color"]}" stroke-width="2" '
            f'stroke-dasharray="{look["dash"]}"/>'
        )
        x, y = place(inside[-1:])[0]
        label = look["label"] + (": diverges" if far.any() else "")
        labels.append(
            (min(max(y, 14.0), HEIGHT - 6), min(max(x, 6.0), WIDTH - 15 - 8 * len(label)), label, look["color"])
        )
        ends.append(
            f"{look['label']} diverges"
            if far.any()
            else f"{look['label']} (rate {state['hyper'][name]['lr']:g}) ends at loss {float(loss(kept[-1])):.2g}"
        )
    text, last = "", -20.0
    for below, (y, x, label, color) in zip(reversed(range(len(labels))), sorted(labels), strict=True):
        last = min(max(y, last + 17), HEIGHT - 6 - 17 * below)
        text += f'<text x="{x + 9:g}" y="{last:g}" fill="currentColor">{label}</text>'
        text += f'<circle cx="{x:g}" cy="{last - 5:g}" r="5" fill="{color}"/>'
    x, y = place(torch.tensor([state["start"]], dtype=torch.float64))[0]
    message = (
        f"Paths of {len(paths)} optimizers on the surface {about['label'].lower()}, loss {about['formula']}, "
        f"after {state['steps']} steps: {'; '.join(ends)}."
    )
    return (
        f'<svg viewBox="0 0 {WIDTH:g} {HEIGHT:g}" width="100%" role="img" aria-label="{html.escape(message)}" '
        f'font-family="sans-serif" font-size="14">'
        f'<rect width="{WIDTH:g}" height="{HEIGHT:g}" fill="none" stroke="currentColor" stroke-opacity="0.4"/>'
        f'<path d="{rings}" fill="none" stroke="currentColor" stroke-opacity="0.3"/>{"".join(drawn)}'
        f'<circle cx="{x:g}" cy="{y:g}" r="6" fill="none" stroke="currentColor" stroke-width="2"/>'
        f'<text x="{x + 10:g}" y="{y - 6:g}" fill="currentColor">start</text>{text}</svg>'
    )


def graph(about: dict[str, Any], colors: dict[str, str], values: dict[str, float], gradients: dict[str, float]) -> str:
    """Return a computational graph's still picture, from top to bottom: each node with its value and its gradient.

    It is narrow enough to be read on a phone; lines and letters take the colour of the text around them.
    """
    width, box, tall, pitch = 380.0, 104.0, 62.0, 96.0
    at = {name: one["at"] for name, one in about["inputs"].items()} | {
        one["name"]: one.get("narrow", one["at"]) for one in about["steps"]
    }
    lanes = max(lane for _, lane in at.values())
    box = min(box, width / (lanes + 1) - 8)
    centre = {
        name: (box / 2 + lane * (width - box) / lanes, tall / 2 + 4 + level * pitch)
        for name, (level, lane) in at.items()
    }
    edges = ""
    for step in about["steps"]:
        for used in filter(lambda used: isinstance(used, str), step["inputs"]):
            (x0, y0), (x1, y1) = centre[used], centre[step["name"]]
            level = y0 == y1
            (x0, x1) = (x0 + box / 2, x1 - box / 2) if level else (x0, x1)
            (y0, y1) = (y0, y1) if level else (y0 + tall / 2, y1 - tall / 2)
            edges += f"M{x0:g} {y0:g}L{x1:g} {y1:g}"
    nodes = ""
    for name, (x, y) in centre.items():
        formula = next((f" = {step['formula']}" for step in about["steps"] if step["name"] == name), "")
        left, right, top = x - box / 2 + 7, x + box / 2 - 7, y - tall / 2
        nodes += (
            f'<rect x="{x - box / 2:g}" y="{top:g}" width="{box:g}" height="{tall:g}" rx="6" fill="none" '
            f'stroke="currentColor" stroke-opacity="0.5"/>'
            f'<text x="{left:g}" y="{top + 17:g}" font-weight="600">{html.escape(_subscripts(name + formula))}</text>'
            f'<text x="{left:g}" y="{top + 35:g}" font-size="11">value</text>'
            f'<text x="{left:g}" y="{top + 53:g}" font-size="11">grad</text>'
            f'<text x="{right:g}" y="{top + 35:g}" text-anchor="end" style="fill:{colors["value"]}" font-size="15" '
            f'font-weight="700">{_number(values[name])}</text>'
            f'<text x="{right:g}" y="{top + 53:g}" text-anchor="end" style="fill:{colors["gradient"]}" font-size="15" '
            f'font-weight="700">{_number(gradients[name])}</text>'
        )
    output = about["steps"][-1]["name"]
    inputs = ", ".join(f"{name} = {_number(values[name])}" for name in about["inputs"])
    parts = ", ".join(f"{_number(gradients[name])} for {name}" for name in about["inputs"])
    message = (
        f"Computational graph of {output} = {about['formula']} at {inputs}: "
        f"the value is {_number(values[output])}, the gradient {parts}."
    )
    height = max(y for _, y in centre.values()) + tall / 2 + 4
    return (
        f'<svg viewBox="-1 0 {width + 2:g} {height:g}" width="100%" style="max-width:{width:g}px" role="img" '
        f'aria-label="{html.escape(message)}" font-family="sans-serif" font-size="13" fill="currentColor">'
        f'<path d="{edges}" fill="none" stroke="currentColor" stroke-opacity="0.5"/>{nodes}</svg>'
    )


def explorer(spec: dict[str, Any], state: dict[str, Any], function: Activation, products: Tensor) -> str:
    """Return the activation explorer's still picture: the function above its slope, the point on both.

    Lines and letters take the colour of the text around them where they have no colour of their own.
    """
    width, left, gap = 380.0, 30.0, 24.0
    about, colors, (low, high) = spec["activations"][state["activation"]], spec["colors"], spec["z"]
    z = torch.linspace(low, high, 241, dtype=torch.float64)
    point = torch.tensor(state["z"], dtype=torch.float64)
    x = left + (z - low) / (high - low) * (width - left)
    at = left + (float(point) - low) / (high - low) * (width - left)
    panels, top = "", 4.0
    for name, of, (bottom, up), tall in (
        ("value", function.value, about["y"], 170.0),
        ("slope", function.derivative, (-0.25, 1.25), 100.0),
    ):

        def place(value: Tensor, top: float = top, tall: float = tall, low: float = bottom, up: float = up) -> Tensor:
            return top + (up - value) / (up - low) * tall

        ticks = "".join(
            f'<text x="{left - 5:g}" y="{float(place(torch.tensor(tick))) + 4:.1f}" text-anchor="end">{tick}</text>'
            for tick in (0, 1)
        )
        # a jump of the slope is drawn as a jump
        pieces = torch.where(of(z).diff().abs() > 0.5)[0].add(1).tolist()
        runs = torch.tensor_split(torch.stack([x, place(of(z))], 1), pieces)
        drawn = "".join("M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in run.tolist()) for run in runs)
        panels += (
            f'<rect x="{left:g}" y="{top:g}" width="{width - left:g}" height="{tall:g}" fill="none" '
            f'stroke="currentColor" stroke-opacity="0.4"/>{ticks}'
            f'<path d="{drawn}" fill="none" stroke="{colors[name]}" stroke-width="2"/>'
            f'<circle cx="{at:.1f}" cy="{float(place(of(point))):.1f}" r="5" fill="{colors[name]}"/>'
            f'<text x="{left + 8:g}" y="{top + 17:g}" style="fill:{colors[name]}" font-weight="600">{name}</text>'
        )
        top += tall + gap
    value, slope = (_number(float(of(point))) for of in function)
    message = (
        f"{about['label']}, φ(z) = {about['formula']}, above its slope {about['slope']}. "
        f"At z = {_number(state['z'])} the value is {value}, the slope {slope}. "
        f"Through ten layers with weight {_number(state['weight'])} the product is {float(products[9]):.2g}, "
        f"through twenty {float(products[19]):.2g}."
    )
    return (
        f'<svg viewBox="0 0 {width + 2:g} {top:g}" width="100%" style="max-width:{width:g}px" role="img" '
        f'aria-label="{html.escape(message)}" font-family="sans-serif" font-size="13" fill="currentColor">'
        f'{panels}<text x="{left:g}" y="{top - 8:g}">{_number(low)}</text>'
        f'<text x="{(width + left) / 2:g}" y="{top - 8:g}" text-anchor="middle">z</text>'
        f'<text x="{width:g}" y="{top - 8:g}" text-anchor="end">{_number(high)}</text></svg>'
    )


def propagation(spec: dict[str, Any], state: dict[str, Any], activations: Tensor, gradients: Tensor) -> str:
    """Return the signal propagation's still picture: standard deviations of activations and gradient in each layer."""
    width, height, left, top = 380.0, 240.0, 44.0, 8.0
    logs = {"activations": activations.log10(), "gradient": gradients.log10()}
    low = min(-2, *(math.floor(float(one.min())) for one in logs.values()))
    high = max(2, *(math.ceil(float(one.max())) for one in logs.values()))

    def y(exponent: float) -> float:
        return top + (high - exponent) / (high - low) * (height - top - 30)

    axis = "".join(
        f'<path d="M{left:g} {y(k):.1f}H{width:g}" stroke="currentColor" stroke-opacity="{0.5 if k == 0 else 0.2}"/>'
        f'<text x="{left - 5:g}" y="{y(k) + 4:.1f}" text-anchor="end">{f"1e{k}" if k else 1}</text>'
        for k in (low, 0, high)
    )
    lines = ""
    for (name, log), dash in zip(logs.items(), ("", "7 4"), strict=True):
        points = [(left + (width - left) * i / spec["depth"], y(one)) for i, one in enumerate(log.tolist())]
        at, below = points[3], log[3] < max(one[3] for one in logs.values())
        lines += (
            f'<path d="M{"L".join(f"{a:.1f} {b:.1f}" for a, b in points)}" fill="none" stroke="{spec["colors"][name]}" '
            f'stroke-width="2" stroke-dasharray="{dash}"/>'
            f'<text x="{at[0]:.1f}" y="{at[1] + (18 if below else -8):.1f}" style="fill:{spec["colors"][name]}" '
            f'font-weight="600">{name}</text>'
        )
    message = (
        f"Standard deviation in ten layers, {spec['schemes'][state['scheme']]['label']} weights with gain "
        f"{_number(state['gain'])}, {spec['activations'][state['activation']]['label']}: that of the activations goes "
        f"from {float(activations[1]):.2g} in layer 1 to {float(activations[-1]):.2g} in the last, that of the "
        f"gradient from {float(gradients[-1]):.2g} in the last to {float(gradients[1]):.2g} in layer 1."
    )
    return (
        f'<svg viewBox="0 0 {width + 2:g} {height:g}" width="100%" style="max-width:{width:g}px" role="img" '
        f'aria-label="{html.escape(message)}" font-family="sans-serif" font-size="13" fill="currentColor">'
        f'{axis}{lines}<text x="{(width + left) / 2:g}" y="{height - 8:g}" text-anchor="middle">layer</text></svg>'
    )


def playground(
    spec: dict[str, Any], state: dict[str, Any], points: tuple[Tensor, Tensor, Tensor, Tensor], run: Any
) -> str:
    """Return the playground's still picture: points with the boundary that the net ends with, and both losses below.

    ``run`` is what ``RegularizationPlayground.train`` returns.
    """
    width, tall, (left, right, top, bottom) = 400.0, 300.0, (34.0, 394.0, 330.0, 470.0)
    (x0, x1), (y0, y1) = spec["plane"]["x"], spec["plane"]["y"]
    X_train, y_train, X_val, y_val = points

    def place(at: Tensor) -> list[list[float]]:
        x, y = (at[:, 0] - x0) / (x1 - x0) * width, (y1 - at[:, 1]) / (y1 - y0) * tall
        return torch.stack([x, y], 1).round(decimals=1).tolist()

    def line(corners: list[list[float]]) -> str:
        return "M" + "L".join(f"{x:g} {y:g}" for x, y in corners)

    dots = ""
    for X, y, size, opacity in ((X_val, y_val, 3.5, 0.5), (X_train, y_train, 9, 1)):
        inside = (X[:, 0] - x0) * (x1 - X[:, 0]) * (X[:, 1] - y0) * (y1 - X[:, 1]) > 0
        for one, color in enumerate(spec["colors"]["classes"]):
            path = "".join(f"M{a:g} {b:g}h0" for a, b in place(X[inside & (y == one)]))
            cap = "square" if one else "round"
            dots += (
                f'<path d="{path}" stroke="{color}" stroke-width="{size - one * size / 8:g}" '
                f'stroke-opacity="{opacity}" stroke-linecap="{cap}"/>'
            )
    xs, ys = torch.linspace(x0, x1, 81, dtype=torch.float64), torch.linspace(y0, y1, 61, dtype=torch.float64)
    with torch.no_grad():
        grid = run.model(torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1))[..., 0]
    edges = contourpy.contour_generator(xs.numpy(), ys.numpy(), grid.numpy(), name="serial").lines(0.0)
    boundary = "".join(line(place(torch.as_tensor(edge))) for edge in edges if grid.isfinite().all())

    last = len(run.val_loss) - 1 - (run.ended == "diverged")
    shown = range(0, last + 1, max(1, last // 150))
    high = max(0.8, *run.train_loss[: last + 1], *run.val_loss[: last + 1])

    def curve(losses: list[float]) -> str:
        return line(
            [
                [
                    round(left + (right - left) * t / state["epochs"], 1),
                    round(bottom - (bottom - top) * losses[t] / high, 1),
                ]
                for t in shown
            ]
        )

    curves, names = "", ""
    for at, (part, losses) in enumerate((("train", run.train_loss), ("validation", run.val_loss))):
        dash = ' stroke-dasharray="7 3"' if at else ""
        curves += f'<path d="{curve(losses)}" stroke="{spec["colors"][part]}" stroke-width="2"{dash}/>'
        x = left + 10 + at * 150
        names += f'<path d="M{x:g} 317h24" stroke="{spec["colors"][part]}" stroke-width="2"{dash}/>'
        names += f'<text x="{x + 30:g}" y="321">{("training", "validation")[at]} {losses[last]:.2g}</text>'
    best = round(left + (right - left) * run.best_epoch / state["epochs"], 1)
    before = best > (left + right) / 2
    curves += f'<path d="M{best:g} {top:g}V{bottom:g}" stroke="currentColor" stroke-opacity="0.5"/>'
    names += (
        f'<text x="{best + (-6 if before else 6):g}" y="{top + 12:g}" text-anchor="{"end" if before else "start"}">'
        f"best: epoch {run.best_epoch}</text>"
    )
    on = {key: state[key] for key in ("weight_decay", "l1", "dropout", "patience") if state[key]}
    remedies = ", ".join(f"{key.replace('_', ' ')} {value:g}" for key, value in on.items()) or "no remedy"
    end = {"limit": "ends", "stopped": "stops early", "diverged": "diverges"}[run.ended]
    message = (
        f"{spec['data'][state['data']]}: {len(y_train)} training points and {len(y_val)} validation points. "
        f"With {remedies} the training {end} after {last} epochs at training loss {run.train_loss[last]:.2g} and "
        f"validation loss {run.val_loss[last]:.2g}; the lowest validation loss, {run.val_loss[run.best_epoch]:.2g}, "
        f"is that of epoch {run.best_epoch}."
    )
    return (
        f'<svg viewBox="-1 -1 {width + 2:g} 502" width="100%" style="max-width:480px" role="img" '
        f'aria-label="{html.escape(message)}" font-family="sans-serif" font-size="13" fill="none">{dots}'
        f'<path d="{boundary}" stroke="currentColor" stroke-width="2"/>'
        f'<rect width="{width:g}" height="{tall:g}" stroke="currentColor" stroke-opacity="0.4"/>'
        f'<path d="M{left:g} {top:g}V{bottom:g}H{right:g}" stroke="currentColor" stroke-opacity="0.4"/>{curves}'
        f'<g fill="currentColor">{names}<text x="28" y="{bottom:g}" text-anchor="end">0</text>'
        f'<text x="28" y="{top + 10:g}" text-anchor="end">{high:.2g}</text><text x="2" y="321">loss</text>'
        f'<text x="{left:g}" y="488">0</text><text x="{right:g}" y="488" text-anchor="end">{state["epochs"]}</text>'
        f'<text x="{(left + right) / 2:g}" y="488" text-anchor="middle">epoch</text></g></svg>'
    )


def _number(value: float) -> str:
    return f"{value + 0:.3g}".replace("-", "−")


def _subscripts(text: str) -> str:
    return re.sub(r"(?<=[a-z])\d", lambda digit: "₀₁₂₃₄₅₆₇₈₉"[int(digit[0])], text)
