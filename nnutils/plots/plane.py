"""The plane of two numbers: functions of two weights, paths, projected data, decisions of a classifier."""

from collections.abc import Callable, Sequence

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from torch import Tensor, nn

from nnutils.arguments import class_indices, shape
from nnutils.evaluate import predict
from nnutils.plots.look import COLORS, INK, PALETTE

__all__ = ["contour", "decision_boundary", "path", "projection"]

_MARKERS = "o^sD"


def contour(
    ax: Axes,
    f: Callable[[Tensor], Tensor],
    *,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    levels: int | Sequence[float] = 12,
) -> Axes:
    """Draw the level lines of a function of two weights: ``f`` maps a float64 tensor ``(2,)`` to a 0-d tensor.

    ``f`` is called once for all points, by ``torch.func.vmap``: it must consist of PyTorch's functions, without ``if``
    on its values and without ``.item()``. Where it is not finite nothing is drawn.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = contour(Figure().subplots(), lambda w: (w**2).sum(), xlim=(-1, 1), ylim=(-1, 1))
    >>> ax.get_xlabel()
    '$w_1$'
    """
    xs, ys = torch.linspace(*xlim, 121, dtype=torch.float64), torch.linspace(*ylim, 121, dtype=torch.float64)
    grid = torch.cartesian_prod(xs, ys)
    values = torch.func.vmap(f)(grid).detach()
    finite = values[values.isfinite()]
    if values.ndim != 1 or not len(finite) or finite.min() == finite.max():
        raise ValueError(
            f"contour: f gave values of shape {tuple(values.shape[1:])} that are not finite or all the same, expected "
            "0-d tensors that differ; choose other limits or another f"
        )
    values = values.reshape(121, 121).T
    if isinstance(levels, int):
        low, high = float(finite.min()), float(finite.max())
        levels = (low + (high - low) * np.linspace(0, 1, levels + 1)[1:] ** 2).tolist()
    ax.contour(xs, ys, values, levels=levels, colors=INK, linewidths=0.7, alpha=0.6)
    ax.set(xlim=xlim, ylim=ylim, xlabel="$w_1$", ylabel="$w_2$")
    return ax


def path(ax: Axes, points: Tensor, *, label: str | None = None, color: str | None = None) -> Axes:
    """Draw a trajectory ``(steps + 1, 2)``, one dot a step, and its name at its last point inside the axes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> ax = path(Figure().subplots(), torch.tensor([[0.2, 0.2], [0.5, 0.5]]), label="adam")
    >>> ax.texts[0].get_text()
    'adam'
    """
    shape("path", "(steps + 1, 2)", points=points)
    if points.shape[1] != 2:
        raise ValueError(f"path: expected points of shape (steps + 1, 2), got {tuple(points.shape)}")
    xy = points.detach().cpu().numpy()
    color = color or PALETTE.get((label or "").lower(), COLORS[0])
    ax.plot(xy[:, 0], xy[:, 1], color=color, marker="o", markersize=2.5, linewidth=1.2)
    if label:
        (x0, x1), (y0, y1) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
        inside = [p for p in xy if x0 <= p[0] <= x1 and y0 <= p[1] <= y1]
        if inside:
            ax.annotate(label, inside[-1], xytext=(5, 5), textcoords="offset points", color=color)
    return ax


def projection(
    ax: Axes,
    points: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    *,
    xlabel: str = "component 1",
    ylabel: str = "component 2",
) -> Axes:
    """Draw points of the plane in the colour of their class; a line leads from its middle to its name on the right.

    Parameters
    ----------
    points : Tensor of shape (N, 2)
        What ``evaluate.project`` returns.
    labels : Tensor of shape (N,), int64
    classes : sequence of str
        Names of the classes 0, 1, 2, ...; from the eighth on colours come again, with another marker.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> points, labels = torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.tensor([0, 1])
    >>> ax = projection(Figure().subplots(), points, labels, ["shirt", "coat"])
    >>> [text.get_text() for text in ax.texts]
    ['shirt', 'coat']
    """
    _check("projection", points, labels, classes)
    middles = _points(ax, points, labels, classes, size=9, alpha=0.6)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    _name_beside(ax, middles, classes)
    return ax


@torch.no_grad()
def decision_boundary(
    ax: Axes,
    model: nn.Module,
    X: Tensor,
    y: Tensor,
    classes: Sequence[str] | None = None,
    *,
    xlabel: str = "$x_1$",
    ylabel: str = "$x_2$",
) -> Axes:
    """Draw which class a classifier of the plane gives where, the boundary between them, and the data.

    The model is asked in evaluation mode; the mode of every module comes back as it was.

    Parameters
    ----------
    model : nn.Module
        Maps ``(M, 2)`` to logits ``(M, C)``, or to one logit, ``(M, 1)``, of class 1 against class 0.
    X : Tensor of shape (N, 2)
    y : Tensor of shape (N,), int64
    classes : sequence of str, optional
        Names of the classes, each written where its region is emptiest; their numbers by default.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> X, y = torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1])
    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = nn.init.ones_(model.weight)
    >>> ax = decision_boundary(Figure().subplots(), model, X, y)
    >>> [text.get_text() for text in ax.texts]
    ['0', '1']
    """
    _check("decision_boundary", X, y, classes)
    low, high = X.min(0).values.cpu(), X.max(0).values.cpu()
    margin = 0.1 * (high - low).clamp(min=1e-6)
    (left, bottom), (right, top) = (low - margin).tolist(), (high + margin).tolist()
    size = 240
    xs, ys = torch.linspace(left, right, size), torch.linspace(bottom, top, size)
    grid = torch.cartesian_prod(xs, ys).to(X.device, X.dtype)
    logits = predict(model, grid, batch_size=len(grid))
    shape("decision_boundary", "(M, C)", logits=logits)
    answers = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)
    decided = answers.reshape(size, size).T.cpu().numpy()
    names = [str(k) for k in range(max(int(y.max()), int(decided.max())) + 1)] if classes is None else classes
    if len(names) <= decided.max():
        raise ValueError(f"decision_boundary: the model answers {decided.max()}, but there are {len(names)} classes")
    tints = np.array([to_rgba(COLORS[k % len(COLORS)], 0.15) for k in range(len(names))])
    # one small image: hundreds of tiles would make a large vector graphic
    ax.imshow(tints[decided], extent=(left, right, bottom, top), origin="lower", aspect="auto", zorder=0)
    for k in range(1, int(decided.max()) + 1):
        ax.contour(xs, ys, decided >= k, levels=[0.5], colors=INK, linewidths=1)
    _points(ax, X, y, names, size=12, alpha=0.8)
    for k, place in _empty_places(decided, (X.cpu() - low + margin) / (high - low + 2 * margin)).items():
        color = COLORS[k % len(COLORS)]
        ax.annotate(names[k], place, xycoords="axes fraction", color=color, weight="bold", ha="center", va="center")
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel=xlabel, ylabel=ylabel)
    return ax


def _check(where: str, points: Tensor, labels: Tensor, classes: Sequence[str] | None) -> None:
    shape(where, "(...)", points=points, labels=labels)
    if points.ndim != 2 or points.shape[1] != 2 or labels.shape != points.shape[:1] or not len(points):
        raise ValueError(
            f"{where}: expected points of shape (N, 2) and labels of shape (N,), "
            f"got {tuple(points.shape)} and {tuple(labels.shape)}"
        )
    class_indices(where, labels, classes=int(labels.max()) + 1 if classes is None else len(classes), name="labels")


def _points(
    ax: Axes, points: Tensor, labels: Tensor, names: Sequence[str], *, size: float, alpha: float
) -> dict[int, tuple[float, float]]:
    """Draw each class and return where its middle is."""
    xy, of = points.detach().cpu().numpy(), labels.cpu().numpy()
    middles = {}
    for k in range(len(names)):
        mine = xy[of == k]
        if len(mine):
            color, marker = COLORS[k % len(COLORS)], _MARKERS[k // len(COLORS) % len(_MARKERS)]
            ax.scatter(mine[:, 0], mine[:, 1], s=size, color=color, marker=marker, alpha=alpha, linewidths=0)
            middles[k] = (float(np.median(mine[:, 0])), float(np.median(mine[:, 1])))
    return middles


def _name_beside(ax: Axes, middles: dict[int, tuple[float, float]], names: Sequence[str]) -> None:
    """Write names in a column at the right, in the order of the heights, with lines to the middles."""
    ax.figure.canvas.draw()
    box = ax.get_window_extent()
    gap = 1.25 * mpl.rcParams["font.size"] * ax.figure.dpi / 72 / box.height
    order = sorted(middles, key=lambda k: middles[k][1])
    heights = [(ax.transData.transform(middles[k])[1] - box.y0) / box.height for k in order]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    above = 1.0
    for i in reversed(range(len(heights))):
        heights[i] = above = min(heights[i], above)
        above -= gap
    for k, height in zip(order, heights, strict=True):
        color = COLORS[k % len(COLORS)]
        ax.plot(*middles[k], "o", color=color, markersize=6)
        # lines run behind the points
        ax.annotate(
            names[k],
            middles[k],
            zorder=0.5,
            xytext=(1.03, height),
            textcoords="axes fraction",
            color=color,
            va="center",
            arrowprops={"arrowstyle": "-", "color": color, "linewidth": 0.8, "shrinkA": 2, "shrinkB": 0},
        )


def _empty_places(decided: np.ndarray, points: Tensor) -> dict[int, tuple[float, float]]:
    """For each class that has a region, the place in it that is furthest from points and borders; all in [0, 1]."""
    coarse = decided[4::8, 4::8]
    size = len(coarse)
    at = (torch.arange(size) + 0.5) / size
    cells = torch.cartesian_prod(at, at)
    of = torch.as_tensor(coarse.T.copy()).flatten()
    # a name needs room for itself
    near = torch.cat([torch.cdist(cells, points.to(cells)).amin(1)[:, None], cells, 1 - cells], 1).amin(1)
    places = {}
    for k in of.unique().tolist():
        mine = of == k
        others = torch.cdist(cells[mine], cells[~mine]).amin(1) if bool((~mine).any()) else near[mine]
        x, y = cells[mine][torch.minimum(near[mine], others).argmax()].tolist()
        places[k] = (x, y)
    return places
