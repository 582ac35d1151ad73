"""Images and matrices: rows of pictures or filters, the confusion matrix."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from torch import Tensor

from nnutils.arguments import shape, whole
from nnutils.plots.look import COLORS, DIVERGING, INK

__all__ = ["confusion_matrix", "images"]


def confusion_matrix(ax: Axes, matrix: Tensor, classes: Sequence[str]) -> Axes:
    """Draw a confusion matrix: counts, on a ground that is the stronger the larger the share of the row.

    Right answers, on the diagonal, stand on blue, mistakes on orange. A cell that holds more than half of its row is
    strong with a white count, every other one pale, so that the counts are readable on light and dark pages. A count
    of 0 is left out.

    Parameters
    ----------
    matrix : Tensor of shape (C, C), int64
        True class in the row, predicted class in the column, as ``evaluate.confusion_matrix`` returns it.
    classes : sequence of C str

    Examples
    --------
    >>> import torch
    >>> from matplotlib.figure import Figure
    >>> ax = confusion_matrix(Figure().subplots(), torch.tensor([[8, 2], [0, 9]]), ["cat", "dog"])
    >>> [text.get_text() for text in ax.texts]
    ['8', '2', '9']
    """
    shape("confusion_matrix", "(C, C)", matrix=matrix)
    if matrix.shape != (len(classes), len(classes)) or not len(classes):
        raise ValueError(
            f"confusion_matrix: got a matrix of shape {tuple(matrix.shape)} and {len(classes)} classes, "
            "expected (C, C) and C, at least 1"
        )
    counts = matrix.detach().cpu().numpy()
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    strong = share > 0.5
    tint = np.zeros((*counts.shape, 4))
    tint[..., :3] = to_rgb(COLORS[1])
    tint[np.eye(len(counts), dtype=bool), :3] = to_rgb(COLORS[0])
    # between 0.24 and 0.85 no one colour of the count would be readable on white and on near-black
    tint[..., 3] = np.where(strong, 0.85 + 0.3 * (share - 0.5), 0.24 * np.sqrt(2 * share))
    ax.pcolormesh(np.arange(len(counts) + 1) - 0.5, np.arange(len(counts) + 1) - 0.5, tint)
    size = min(10.0, 90 / len(counts))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "white" if strong[row, column] else INK
            ax.text(column, row, str(count), ha="center", va="center", color=color, fontsize=size)
    ticks = range(len(counts))
    ax.set_xticks(ticks, classes, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_yticks(ticks, classes)
    ax.tick_params(length=0)
    ax.invert_yaxis()
    ax.spines[:].set_visible(False)
    ax.set(xlabel="predicted class", ylabel="true class", aspect="equal")
    return ax


def images(
    ax: Axes,
    pictures: Tensor,
    *,
    titles: Sequence[str] | None = None,
    columns: int = 10,
    diverging: bool = False,
) -> Axes:
    """Draw pictures, or the filters of a layer, in rows.

    Parameters
    ----------
    pictures : Tensor of shape (N, H, W)
        The smallest entry of all is drawn black, the largest white.
    titles : sequence of N str, optional
        Written above the pictures.
    columns : int
        Pictures a row.
    diverging : bool
        For filters and gradients: negative entries blue, positive ones orange, 0 without colour. Each picture then has
        a scale of its own, whose end is reached by 1 % of its entries, so that a few large ones do not hide the rest.

    Examples
    --------
    >>> import torch
    >>> from matplotlib.figure import Figure
    >>> ax = images(Figure().subplots(), torch.rand(3, 8, 8), titles=["a", "b", "c"])
    >>> len(ax.images), ax.texts[2].get_text()
    (3, 'c')
    """
    whole("images", 1, columns=columns)
    shape("images", "(N, H, W)", pictures=pictures)
    if len(pictures) == 0 or (titles is not None and len(titles) != len(pictures)):
        given = "no titles" if titles is None else f"{len(titles)} titles"
        raise ValueError(
            f"images: got {len(pictures)} pictures and {given}, expected at least one picture, a title each"
        )
    values = pictures.detach().cpu().float()
    low, high = float(values.min()), float(values.max())
    height, gap = values.shape[1] / values.shape[2], 0.08
    pitch = height + gap + (0.28 if titles else 0.0)
    for i, picture in enumerate(values):
        left, top = i % columns * (1 + gap), -(i // columns) * pitch
        if diverging:
            high = float(picture.abs().quantile(0.99)) or 1.0
            low = -high
        ax.imshow(
            picture.numpy(),
            cmap=DIVERGING if diverging else "gray",
            vmin=low,
            vmax=high,
            extent=(left, left + 1, top - height, top),
            interpolation="nearest",
        )
        if diverging:
            ax.add_patch(
                Rectangle((left, top - height), 1, height, fill=False, edgecolor=INK, alpha=0.4, linewidth=0.5)
            )
        if titles:
            ax.annotate(
                titles[i], (left + 0.5, top), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=8
            )
    rows = -(-len(values) // columns)
    ax.set(xlim=(0, min(len(values), columns) * (1 + gap) - gap), ylim=(-rows * pitch + pitch - height, pitch - height))
    ax.axis("off")
    if diverging:
        ax.annotate(
            "blue: negative, orange: positive",
            (0.5, 0),
            (0, -4),
            "axes fraction",
            "offset points",
            ha="center",
            va="top",
            fontsize=9,
        )
    return ax
