"""Values over steps, epochs or settings: training curves, schedules, range tests, searches."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from nnutils.arguments import one_of, positive, whole
from nnutils.plots.look import COLORS, INK, color_of, label_ends

if TYPE_CHECKING:
    from nnutils.search import Trial
    from nnutils.train import History

__all__ = ["curves", "history", "range_test", "schedule", "search", "update_ratios"]


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

    Examples
    --------
    >>> ax = curves(Figure().subplots(), {"training": [3, 2, 1]}, xlabel="step", ylabel="loss")
    >>> [text.get_text() for text in ax.texts]
    ['training']
    """
    if smooth is not None:
        whole("curves", 1, smooth=smooth)
    ends = []
    for index, (label, values) in enumerate(series.items()):
        if x is not None and len(x) != len(values):
            raise ValueError(f"curves: got {len(x)} positions and {len(values)} values of {label!r}, expected as many")
        y = np.asarray(values, dtype=float)
        at = np.arange(len(y)) if x is None else np.asarray(x, dtype=float)
        color = color_of(label, index)
        if smooth and len(y) >= smooth:
            ax.plot(at, y, color=color, alpha=0.2, linewidth=0.8)
            y, at = np.convolve(y, np.ones(smooth) / smooth, mode="valid"), at[smooth - 1 :]
        ax.plot(at, y, color=color)
        finite = np.flatnonzero(np.isfinite(y))
        if len(finite):
            ends.append((float(at[finite[-1]]), float(y[finite[-1]]), label, color))
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    label_ends(ax, ends)
    return ax


def history(run: "History") -> Figure:
    """Return a figure of a training run: losses, and beside them the validation accuracy, over the epochs.

    Parameters
    ----------
    run : nnutils.train.History
        Whatever has the sequences ``train_loss``, ``val_loss`` and ``val_accuracy``. Without validation there is one
        curve; with it the epoch of the lowest validation loss is marked. Accuracies that are all nan are not drawn.

    Examples
    --------
    >>> from nnutils.train import History
    >>> figure = history(History(train_loss=[2.0, 1.0], val_loss=[2.1, 1.4], val_accuracy=[0.3, 0.6]))
    >>> [ax.get_ylabel() for ax in figure.axes]
    ['loss', 'validation accuracy (%)']
    """
    import matplotlib.pyplot as plt

    # a run that diverged ended before the evaluation of its last epoch
    whole = len(run.val_loss) or len(run.train_loss)
    epochs = range(1, whole + 1)
    columns = 2 if np.isfinite(run.val_accuracy).any() else 1
    figure, axes = plt.subplots(1, columns, figsize=(4.6 * columns, 3.2), squeeze=False)
    losses = {"training": run.train_loss[:whole]} | ({"validation": run.val_loss} if run.val_loss else {})
    curves(axes[0, 0], losses, x=epochs, xlabel="epoch", ylabel="loss")
    if np.isfinite(run.val_loss).any():
        best = int(np.nanargmin(run.val_loss))
        _mark(axes[0, 0], epochs[best], run.val_loss[best], f"lowest: epoch {epochs[best]}")
    if columns == 2:
        ax = axes[0, 1]
        ax.plot(epochs, 100 * np.asarray(run.val_accuracy), color=COLORS[1])
        ax.set(xlabel="epoch", ylabel="validation accuracy (%)")
    for ax in axes.flat:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def schedule(ax: Axes, schedules: Mapping[str, Callable[[int], float]], steps: int) -> Axes:
    """Draw the learning rate of one or more schedules over steps 0, 1, ..., ``steps - 1``.

    Parameters
    ----------
    schedules : mapping from label to function of the step
        See ``nnutils.schedules``.

    Examples
    --------
    >>> ax = schedule(Figure().subplots(), {"constant": lambda t: 0.1}, 100)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('step', 'learning rate')
    """
    whole("schedule", 1, steps=steps)
    rates = {label: [rate(t) for t in range(steps)] for label, rate in schedules.items()}
    return curves(ax, rates, xlabel="step", ylabel="learning rate")


def range_test(ax: Axes, lrs: Sequence[float], losses: Sequence[float], *, smooth: int = 9) -> Axes:
    """Draw the losses of a learning-rate range test over the rate, and mark where they fall most steeply.

    A running mean over ``smooth`` losses is drawn over the losses themselves; the steepest fall is that of the mean
    with respect to the logarithm of the rate, before the mean's lowest point. The drawing ends where the loss has
    risen a little above its start, so that a loss that explodes does not flatten the rest; losses that are not finite
    are left out.

    Examples
    --------
    >>> lrs = [0.001, 0.01, 0.1, 1.0, 10.0]
    >>> ax = range_test(Figure().subplots(), lrs, [2.0, 1.9, 1.0, 0.3, 5.0], smooth=1)
    >>> ax.texts[0].get_text()
    'steepest fall: 0.1'
    """
    whole("range_test", 1, smooth=smooth)
    if len(lrs) != len(losses):
        raise ValueError(f"range_test: got {len(lrs)} rates and {len(losses)} losses, expected as many of both")
    for lr in lrs:
        positive("range_test", lr=lr)
    rates, values = np.asarray(lrs, dtype=float), np.asarray(losses, dtype=float)
    rates, values = rates[np.isfinite(values)], values[np.isfinite(values)]
    if not len(values):
        raise ValueError("range_test: got no loss that is finite, expected at least one; begin with smaller rates")
    # at both ends the mean is over the values that are there
    window = np.ones(min(smooth, len(values)))
    mean = np.convolve(values, window, "same") / np.convolve(np.ones_like(values), window, "same")
    lowest = int(mean.argmin())
    fall = mean[0] - mean[lowest]
    if fall > 0:
        top = mean[0] + 0.5 * fall
        risen = np.flatnonzero(mean[lowest:] > top)
        end = lowest + int(risen[0]) + 1 if len(risen) else len(mean)
        slope = np.gradient(mean, np.log(rates))[: lowest + 1]
        steepest = int(slope.argmin())
        _mark(ax, rates[steepest], mean[steepest], f"steepest fall: {rates[steepest]:.2g}")
        rates, values, mean = rates[:end], values[:end], mean[:end]
        ax.set_ylim(values.min() - 0.1 * fall, top)
    ax.plot(rates, values, color=COLORS[0], alpha=0.3, linewidth=0.8)
    ax.plot(rates, mean, color=COLORS[0], zorder=1.9)
    ax.set_xscale("log")
    ax.set(xlabel="learning rate", ylabel="training loss")
    return ax


def search(
    ax: Axes, trials: Sequence["Trial"], name: str, *, log: bool = False, ylabel: str = "validation loss"
) -> Axes:
    """Draw the value of each trial of a search over one hyperparameter; the best is named, failures stand on top.

    Parameters
    ----------
    trials : sequence of nnutils.search.Trial
    name : str
        Which hyperparameter; choices that are not numbers stand side by side.
    log : bool
        Logarithmic axis, for what was drawn from a logarithmic range.

    Examples
    --------
    >>> from nnutils.search import Trial
    >>> trials = [Trial(i, {"lr": lr}, value, 1.0) for i, (lr, value) in enumerate([(0.1, 0.4), (0.01, 0.6)])]
    >>> search(Figure().subplots(), trials, "lr", log=True).texts[0].get_text()
    'best: 0.4 at 0.1'
    """
    for trial in trials:
        one_of("search", name, trial.params)
    if log:
        ax.set_xscale("log")
    choices = [trial.params[name] for trial in trials]
    numeric = all(isinstance(choice, int | float) and not isinstance(choice, bool) for choice in choices)
    names = sorted({str(choice) for choice in choices})
    at = choices if numeric else [names.index(str(choice)) for choice in choices]
    if not numeric:
        ax.set_xticks(range(len(names)), names)
        ax.set_xlim(-0.6, len(names) - 0.4)
    done = [i for i, trial in enumerate(trials) if np.isfinite(trial.value)]
    failed = [i for i, trial in enumerate(trials) if not np.isfinite(trial.value)]
    ax.plot([at[i] for i in done], [trials[i].value for i in done], "o", color=COLORS[0], alpha=0.8, markeredgewidth=0)
    if failed:
        top = ax.get_xaxis_transform()
        ax.plot([at[i] for i in failed], [1.04] * len(failed), "x", color=COLORS[1], transform=top, clip_on=False)
        ax.annotate(
            "failed",
            (1.0, 1.04),
            xycoords="axes fraction",
            xytext=(6, 0),
            textcoords="offset points",
            color=COLORS[1],
            va="center",
        )
    if done:
        best = min(done, key=lambda i: trials[i].value)
        shown = f"{choices[best]:.3g}" if numeric else choices[best]
        text = f"best: {trials[best].value:.3g} at {shown}"
        ax.plot([at[best]], [trials[best].value], "o", color=COLORS[0])
        # nothing lies below the best
        ax.annotate(
            text,
            (at[best], trials[best].value),
            xytext=(0, -16),
            textcoords="offset points",
            ha="center",
            color=COLORS[0],
        )
        ax.margins(y=0.15)
    ax.set(xlabel=name, ylabel=ylabel)
    return ax


def update_ratios(ax: Axes, steps: Sequence[Mapping[str, float]]) -> Axes:
    """Draw the ratio of update to weight of each parameter over the steps, and the usual 0.001 as a dashed line.

    Parameters
    ----------
    steps : sequence of dicts
        One for each step: what ``diagnostics.update_ratios`` returned. Ratios of 0 and inf are left out.

    Examples
    --------
    >>> ax = update_ratios(Figure().subplots(), [{"weight": 0.002}, {"weight": 0.001}])
    >>> sorted(text.get_text() for text in ax.texts)
    ['usual', 'weight']
    """
    if not steps:
        raise ValueError("update_ratios: got no steps, expected at least one")
    if isinstance(steps, Mapping) or any(step.keys() != steps[0].keys() for step in steps):
        raise ValueError("update_ratios: expected a list of dicts with the same parameters, one dict for each step")
    ax.set_yscale("log")
    ratios = {name: np.array([step[name] for step in steps], dtype=float) for name in steps[0]}
    shown = {name: np.where((y > 0) & np.isfinite(y), y, np.nan).tolist() for name, y in ratios.items()}
    ax.axhline(1e-3, color=INK, linestyle="--", linewidth=1)
    ax.annotate("usual", (0, 1e-3), xytext=(0, 3), textcoords="offset points")
    return curves(ax, shown, xlabel="step", ylabel="size of update / size of weight")


def _mark(ax: Axes, x: float, y: float, text: str) -> None:
    """A dot on a curve, with words above the axes where no curve runs through them."""
    ax.plot([x], [y], "o", color=COLORS[1])
    top = ax.get_xaxis_transform()
    ax.axvline(x, color=INK, linewidth=0.8, linestyle=":", zorder=0)
    ax.annotate(text, (x, 1.0), xycoords=top, xytext=(0, 3), textcoords="offset points", ha="center", va="bottom")
