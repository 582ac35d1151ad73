"""The look that all figures share: colours, style, names written beside what they name."""

import sys
from typing import Any

import matplotlib as mpl
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba

__all__ = ["COLORS", "DIVERGING", "INK", "PALETTE", "color_of", "label_ends"]

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

#: Blue for negative, orange for positive, and no colour at all for 0, so that 0 is the page's own ground.
DIVERGING = LinearSegmentedColormap.from_list(
    "nnutils_diverging", [to_rgba(COLORS[0]), to_rgba(COLORS[0], 0), to_rgba(COLORS[1], 0), to_rgba(COLORS[1])]
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


def color_of(label: str, index: int) -> str:
    """Return the colour of a series: an optimizer's own, or the palette's by number.

    Examples
    --------
    >>> color_of("Adam", 0), color_of("validation", 0)
    ('#d55e00', '#0072b2')
    """
    return PALETTE.get(label.lower(), COLORS[index % len(COLORS)])


def label_ends(ax: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Write labels at the ends of lines, moved apart vertically where they would touch.

    Parameters
    ----------
    ends : list of (x, y, label, color)
        In data coordinates. The axes' scales must be set before.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = Figure().subplots()
    >>> label_ends(ax, [(1.0, 0.5, "training", COLORS[0])])
    >>> ax.texts[0].get_text()
    'training'
    """
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


def _use_style() -> None:
    mpl.rcParams.update(_STYLE)
    if "IPython" in sys.modules:
        from IPython import get_ipython  # type: ignore[attr-defined]

        if get_ipython() is not None:
            from matplotlib_inline.backend_inline import set_matplotlib_formats

            set_matplotlib_formats("svg")


_use_style()
