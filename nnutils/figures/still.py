"""Still pictures of the interactive figures: small SVG drawings for pages where no script runs."""

import html
from collections.abc import Callable
from typing import Any

import contourpy
import torch
from torch import Tensor

__all__ = ["race"]

WIDTH, HEIGHT = 600.0, 400.0


def race(
    spec: dict[str, Any], loss: Callable[[Tensor], Tensor], state: dict[str, Any], paths: dict[str, Tensor]
) -> str:
    """Return the race's still picture: contours, paths with names, the start; what happened as alternative text.

    Lines and letters take the colour of the text around them, so that the drawing is readable on light and dark pages.
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
