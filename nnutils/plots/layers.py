"""What happens through depth: statistics and distributions, layer by layer."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from nnutils.arguments import shape, whole
from nnutils.plots.look import COLORS, INK, color_of, label_ends

__all__ = ["histograms", "statistics"]


def statistics(
    ax: Axes,
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    names: Sequence[str] | None = None,
    ylabel: str = "activation (mean ± std)",
) -> Axes:
    """Draw mean and standard deviation through depth: a line of means in a band of one standard deviation.

    Parameters
    ----------
    series : mapping from label to (mean, std) of each layer, first layer first
        One entry for each network or initialization to compare.
    names : sequence of str, optional
        Names of the layers; 1, 2, 3, ... by default.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = statistics(Figure().subplots(), {"Xavier": [(0.0, 0.6), (0.0, 0.5)]})
    >>> ax.get_xlabel(), ax.texts[0].get_text()
    ('layer', 'Xavier')
    """
    ends, depth = [], 0
    for index, (label, layers) in enumerate(series.items()):
        if not layers or any(len(layer) != 2 for layer in layers):
            raise ValueError(
                f"statistics: expected (mean, std) of each layer of {label!r}, at least one; from "
                "diagnostics.activation_statistics take [(layer.mean, layer.std) for layer in ...]"
            )
        mean, std = np.array(layers, dtype=float).T
        at, color = np.arange(1, len(mean) + 1), color_of(label, index)
        ax.fill_between(at, mean - std, mean + std, facecolor=color, alpha=0.15, linewidth=0)
        for edge in (mean - std, mean + std):
            ax.plot(at, edge, color=color, linewidth=0.8)
        ax.plot(at, mean, color=color, marker="o", markersize=4)
        # beside the upper edge: the means of several networks are often the same
        ends.append((float(at[-1]), float(mean[-1] + std[-1]), label, color))
        depth = max(depth, len(mean))
    ax.set_xticks(range(1, depth + 1), names)
    ax.set(xlabel="layer", ylabel=ylabel)
    label_ends(ax, ends)
    return ax


def histograms(
    ax: Axes,
    layers: Mapping[str, Tensor],
    *,
    xlabel: str = "activation",
    bins: int = 80,
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Draw one histogram for each layer, the first on top, all over the same axis and each as high as its row.

    Entries that are exactly 0, as ReLU's are, would dwarf the rest: their share is written at the right and they are
    left out. So are entries that are not finite.

    Parameters
    ----------
    layers : mapping from name to Tensor of any shape
        Activations or gradients: what ``diagnostics.collect_activations`` and ``collect_gradients`` return.
    limits : (float, float), optional
        Ends of the axis; by default 99.8 % of all entries, and 0, lie within.

    Examples
    --------
    >>> import torch
    >>> from matplotlib.figure import Figure
    >>> ax = histograms(Figure().subplots(), {"1": torch.tensor([0.0, 0.0, 1.0, 2.0])})
    >>> ax.texts[0].get_text()
    '50 % zero'
    """
    whole("histograms", 1, bins=bins)
    shape("histograms", "(...)", **{f"layer {name!r}": values for name, values in layers.items()})
    rows = {name: np.asarray(values.detach().flatten().cpu().float()) for name, values in layers.items()}
    rows = {name: values[np.isfinite(values)] for name, values in rows.items()}
    everything = np.concatenate([values[values != 0] for values in rows.values()] or [np.zeros(0)])
    if limits is None:
        low, high = np.quantile(everything, [0.001, 0.999]) if len(everything) else (-1.0, 1.0)
        limits = min(low, 0.0), max(high, 0.0)
    for row, values in enumerate(rows.values()):
        counts, edges = np.histogram(values[values != 0], bins, limits)
        heights = 0.85 * counts / max(counts.max(), 1)
        ax.stairs(heights - row, edges, baseline=-row, fill=True, color=COLORS[0], alpha=0.9)
        ax.axhline(-row, color=INK, linewidth=0.5, alpha=0.5)
        zero = np.mean(values == 0) if len(values) else 0.0
        if zero:
            ax.text(
                1.01, 0.3 - row, f"{zero:.0%}".replace("%", " % zero"), va="center", transform=ax.get_yaxis_transform()
            )
    ax.set_yticks([0.3 - row for row in range(len(rows))], list(rows))
    ax.tick_params(axis="y", length=0)
    ax.spines.left.set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.set(xlim=limits, ylim=(0.95 - len(rows), 1), xlabel=xlabel, ylabel="layer")
    return ax
