"""One look for every figure of the course: a palette for colour-blind readers, a style for light and dark pages.

Importing the module sets Matplotlib's style: figures are vector graphics with a transparent ground and mid-grey axes,
readable on white and on near-black.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from cycler import cycler
from matplotlib.axes import Axes
from torch import Tensor

__all__ = ["COLORS", "INK", "PALETTE", "contour", "curves", "path"]

#: Seven colours that people with any common colour blindness tell apart (Okabe and Ito 2008), darkened or lightened
#: until each has a contrast of at least 3 : 1 with white and with the dark page.
COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc5f9c", "#b8860b", "#3091cc", "#7f7f7f"]

#: The colour of axes, ticks and text.
INK = "#7a7a7a"

#: One colour for each optimizer, the same in every figure, printed or interactive.
PALETTE = dict(
    zip(
        ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamax"),
        (COLORS[i] for i in (4, 0, 5, 3, 2, 1, 6)),
        strict=True,
    )
)

_STYLE: Any = {
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "savefig.transparent": True,
    "figure.figsize": (6.4, 3.6),
    "figure.constrained_layout.use": True,
    "font.size": 11,
    "svg.fonttype": "none",
    "svg.hashsalt": "nnutils",
    "axes.prop_cycle": cycler(color=COLORS),
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.25,
    "axes.grid": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
}


def _use_style() -> None:
    mpl.rcParams.update(_STYLE)
    if "IPython" in sys.modules:
        from IPython import get_ipython  # type: ignore[attr-defined]

        if get_ipython() is not None:
            from matplotlib_inline.backend_inline import set_matplotlib_formats

            set_matplotlib_formats("svg")


_use_style()


def curves(
    ax: Axes,
    series: Mapping[str, Sequence[float]],
    *,
    xlabel: str,
    ylabel: str,
    smooth: int | None = None,
    x: Sequence[float] | None = None,
) -> Axes:
    """Draw one line for each series and write its name at its end, in its colour.

    Parameters
    ----------
    series : mapping from label to values
        A label that names an optimizer gets that optimizer's colour.
    smooth : int, optional
        Draw a running mean over this many values, the values themselves pale behind it.
    x : sequence, optional
        Horizontal positions; 0, 1, 2, ... by default.
    """
    ends = []
    for index, (label, values) in enumerate(series.items()):
        y = np.asarray(values, dtype=float)
        at = np.arange(len(y)) if x is None else np.asarray(x, dtype=float)
        color = PALETTE.get(label.lower(), COLORS[index % len(COLORS)])
        if smooth and len(y) >= smooth:
            ax.plot(at, y, color=color, alpha=0.2, linewidth=0.8)
            y, at = np.convolve(y, np.ones(smooth) / smooth, mode="valid"), at[smooth - 1 :]
        ax.plot(at, y, color=color)
        finite = np.flatnonzero(np.isfinite(y))
        if len(finite):
            ends.append((float(at[finite[-1]]), float(y[finite[-1]]), label, color))
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    _label_ends(ax, ends)
    return ax


def _label_ends(ax: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Write labels at the ends of lines, moved apart vertically where they would touch."""
    ax.figure.canvas.draw()
    to_pixels = ax.transData.transform
    gap = 1.25 * mpl.rcParams["font.size"] * ax.figure.dpi / 72
    lowest = -np.inf
    for xe, ye, label, color in sorted(ends, key=lambda end: end[1]):
        pixel = to_pixels((xe, ye))[1]
        height = max(pixel, lowest + gap)
        lowest = height
        offset = (height - pixel) * 72 / ax.figure.dpi
        ax.annotate(
            label,
            (xe, ye),
            xytext=(6, offset),
            textcoords="offset points",
            color=color,
            va="center",
            annotation_clip=False,
        )


def contour(
    ax: Axes,
    f: Callable[[Tensor], Tensor],
    *,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    levels: int | Sequence[float] = 12,
) -> Axes:
    """Draw the level lines of a function of two weights: ``f`` maps a float64 tensor ``(2,)`` to a 0-d tensor."""
    xs, ys = torch.linspace(*xlim, 121, dtype=torch.float64), torch.linspace(*ylim, 121, dtype=torch.float64)
    grid = torch.cartesian_prod(xs, ys)
    values = torch.func.vmap(f)(grid).reshape(121, 121).T
    if isinstance(levels, int):
        low, high = float(values.min()), float(values.max())
        levels = (low + (high - low) * np.linspace(0, 1, levels + 1)[1:] ** 2).tolist()
    ax.contour(xs, ys, values, levels=levels, colors=INK, linewidths=0.7, alpha=0.6)
    ax.set(xlim=xlim, ylim=ylim, xlabel="$w_1$", ylabel="$w_2$")
    return ax


def path(ax: Axes, points: Tensor, *, label: str | None = None, color: str | None = None) -> Axes:
    """Draw a trajectory ``(steps + 1, 2)``, one dot a step, and its name at its last point inside the axes."""
    xy = points.detach().cpu().numpy()
    color = color or PALETTE.get((label or "").lower(), COLORS[0])
    ax.plot(xy[:, 0], xy[:, 1], color=color, marker="o", markersize=2.5, linewidth=1.2)
    if label:
        (x0, x1), (y0, y1) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
        inside = [p for p in xy if x0 <= p[0] <= x1 and y0 <= p[1] <= y1]
        if inside:
            ax.annotate(label, inside[-1], xytext=(5, 5), textcoords="offset points", color=color)
    return ax
