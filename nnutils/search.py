r"""Search for hyperparameters: every combination of a grid, or draws at random.

The contract that all functions share: a space is a dict from a hyperparameter's name to a list of choices or to a
range (``uniform``, ``log_uniform``, ``integers``). An objective is called with one value for each name as keyword
arguments, and returns a number of which LOWER is better: a validation loss, or the error rate, never anything of the
test set. An objective that raises, or whose value is not finite, is recorded as failed and the search goes on; an
interrupt (Ctrl-C, the stop button) ends it and what was found so far comes back. Trials come back best first.

A learning rate is drawn from a logarithmic range: drawn uniformly from 0.0001 to 1, nine draws of ten would lie above
0.1. In a grid of nine runs over two hyperparameters each takes three values, in nine random draws each takes nine:
random search wins where one of the two matters little (Bergstra and Bengio 2012, figure 1).
"""

import itertools
import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from nnutils.arguments import whole

__all__ = [
    "Range",
    "Trial",
    "grid",
    "grid_search",
    "integers",
    "log_uniform",
    "random_search",
    "sample",
    "uniform",
]


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``; made by ``uniform``, ``log_uniform`` or ``integers``.

    ``log`` says that their logarithms are equally likely, ``integer`` that they are whole numbers.

    Examples
    --------
    >>> Range(4, 8, integer=True)
    Range(low=4, high=8, log=False, integer=True)
    """

    low: float
    high: float
    log: bool = False
    integer: bool = False

    def __post_init__(self) -> None:
        if not -math.inf < self.low <= self.high < math.inf:
            raise ValueError(
                f"range: got low={self.low} and high={self.high}, expected two finite numbers, low <= high"
            )
        if self.log and self.low <= 0:
            raise ValueError(f"range: got low={self.low}, expected a number above 0 for a logarithmic range")
        if self.integer and (self.low % 1 or self.high % 1):
            raise ValueError(f"range: got low={self.low} and high={self.high}, expected whole numbers")

    def draw(self, generator: torch.Generator | None = None) -> float:
        """Return one number: an int where the range is one of integers, else a float.

        Examples
        --------
        >>> 0.001 <= Range(0.001, 0.1, log=True).draw() <= 0.1
        True
        """
        # each integer stands for the numbers from itself to the next
        low, high = self.low, self.high + self.integer
        u = torch.rand(
            (), generator=generator, device=generator.device if generator else None, dtype=torch.float64
        ).item()
        drawn = low * (high / low) ** u if self.log else low + (high - low) * u
        bounded = min(max(drawn, self.low), self.high)
        return math.floor(bounded) if self.integer else bounded


Space = Mapping[str, Sequence[Any] | Range]


@dataclass(frozen=True)
class Trial:
    """One run of the objective: its number (from 0, in order of the runs), parameters, value and wall-clock seconds.

    A failed trial has the value inf, and ``error`` says what went wrong; otherwise that is None.

    Examples
    --------
    >>> Trial(0, {"lr": 0.1}, value=0.32, seconds=1.5)
    Trial(number=0, params={'lr': 0.1}, value=0.32, seconds=1.5, error=None)
    """

    number: int
    params: dict[str, Any]
    value: float
    seconds: float
    error: str | None = None


def uniform(low: float, high: float) -> Range:
    """Return the range of floats between two bounds, all equally likely.

    Examples
    --------
    >>> uniform(0.0, 0.5)
    Range(low=0.0, high=0.5, log=False, integer=False)
    """
    return Range(low, high)


def log_uniform(low: float, high: float) -> Range:
    """Return the range of floats between two bounds above 0, each factor equally likely: for rates and decays.

    Examples
    --------
    >>> log_uniform(1e-4, 1.0)
    Range(low=0.0001, high=1.0, log=True, integer=False)
    """
    return Range(low, high, log=True)


def integers(low: int, high: int, *, log: bool = False) -> Range:
    """Return the range of whole numbers between two bounds, both included; ``log`` for widths and batch sizes.

    Examples
    --------
    >>> integers(16, 512, log=True)
    Range(low=16, high=512, log=True, integer=True)
    """
    return Range(low, high, log=log, integer=True)


def grid(space: Space) -> Iterator[dict[str, Any]]:
    """Return an iterator over every combination of the choices; the last name changes fastest.

    Raises
    ------
    ValueError
        A value of the space is no list of choices, or is empty.

    Examples
    --------
    >>> list(grid({"lr": [0.1, 0.01], "hidden": [64]}))
    [{'lr': 0.1, 'hidden': 64}, {'lr': 0.01, 'hidden': 64}]
    """
    _check("grid", space, ranges=False)
    lists: list[Any] = list(space.values())
    return (dict(zip(space, choices, strict=True)) for choices in itertools.product(*lists))


def sample(space: Space, generator: torch.Generator | None = None) -> dict[str, Any]:
    """Return one draw for each name of the space, independent of each other, in the space's order.

    Raises
    ------
    ValueError
        A value of the space is neither a range nor a list of choices, or is empty.

    Examples
    --------
    >>> drawn = sample({"lr": log_uniform(1e-4, 1.0), "activation": ["relu", "tanh"]}, torch.Generator().manual_seed(0))
    >>> sorted(drawn)
    ['activation', 'lr']
    """
    _check("sample", space)
    drawn = {}
    for name, choices in space.items():
        if isinstance(choices, Range):
            drawn[name] = choices.draw(generator)
        else:
            drawn[name] = choices[int(integers(0, len(choices) - 1).draw(generator))]
    return drawn


def grid_search(objective: Callable[..., Any], space: Space, *, progress: bool = True) -> list[Trial]:
    """Run the objective on every combination of the grid and return the trials, best first.

    Parameters
    ----------
    objective : callable
        Takes one keyword argument for each name and returns a number, lower being better.
    space : mapping from name to list of choices
    progress : bool
        Show a progress bar.

    Raises
    ------
    ValueError
        The space is no grid.

    Examples
    --------
    >>> best, *others = grid_search(lambda x, y: (x - 2) ** 2 + y, {"x": [0, 1, 2], "y": [1, 3]}, progress=False)
    >>> best.params, best.value
    ({'x': 2, 'y': 1}, 1.0)
    """
    combinations = list(grid(space))
    return _run("grid_search", objective, combinations, len(combinations), progress)


def random_search(
    objective: Callable[..., Any], space: Space, *, trials: int, seed: int = 0, progress: bool = True
) -> list[Trial]:
    """Run the objective on random draws from the space and return the trials, best first (Bergstra and Bengio 2012).

    The same seed gives the same draws, whatever the objective draws: more trials repeat the first and go on.

    Parameters
    ----------
    objective : callable
        Takes one keyword argument for each name and returns a number, lower being better.
    space : mapping from name to list of choices or range
    trials : int
        Number of runs, 1 or more.
    seed : int
        Decides the draws.
    progress : bool
        Show a progress bar.

    Raises
    ------
    ValueError
        A value of the space is neither a range nor a list of choices, or ``trials`` is below 1.

    Examples
    --------
    >>> space = {"lr": log_uniform(1e-4, 1)}
    >>> best, *others = random_search(lambda lr: abs(lr - 0.01), space, trials=50, progress=False)
    >>> 0.005 < best.params["lr"] < 0.02, len(others)
    (True, 49)
    """
    whole("random_search", 1, trials=trials)
    _check("random_search", space)
    generator = torch.Generator().manual_seed(seed)
    return _run("random_search", objective, (sample(space, generator) for _ in range(trials)), trials, progress)


def _run(
    where: str, objective: Callable[..., Any], candidates: Iterable[dict[str, Any]], total: int, progress: bool
) -> list[Trial]:
    found: list[Trial] = []
    with tqdm(total=total, unit="trial", disable=not progress) as bar:
        try:
            for params in candidates:
                found.append(_try(objective, len(found), params))
                best = min(trial.value for trial in found)
                bar.set_postfix(best=f"{best:.4g}", failed=sum(t.error is not None for t in found), refresh=False)
                bar.update()
        except KeyboardInterrupt:
            pass
    if found and all(trial.error for trial in found):
        warnings.warn(f"{where}: all trials failed, the first with {found[0].error}", stacklevel=3)
    return sorted(found, key=lambda trial: trial.value)


def _try(objective: Callable[..., Any], number: int, params: dict[str, Any]) -> Trial:
    start, value, error = time.perf_counter(), math.inf, None
    try:
        result = objective(**params)
        try:
            value = float(result.detach() if isinstance(result, Tensor) else result)
        except (TypeError, ValueError, RuntimeError):
            raise ValueError(f"the objective returned {result!r:.60}, expected one number, such as a loss") from None
        if not math.isfinite(value):
            value, error = math.inf, f"the value is {value}"
    except Exception as raised:
        error = f"{type(raised).__name__}: {raised}"
    return Trial(number, params, value, time.perf_counter() - start, error)


def _check(where: str, space: Space, *, ranges: bool = True) -> None:
    if not isinstance(space, Mapping):
        raise ValueError(f"{where}: got a space of type {type(space).__name__}, expected a dict from name to choices")
    for name, choices in space.items():
        if isinstance(choices, Range):
            if not ranges:
                raise ValueError(f"{where}: got a range for {name!r}, expected a list of choices; or use random_search")
        elif isinstance(choices, str) or not isinstance(choices, Sequence):
            raise ValueError(
                f"{where}: got {choices!r} for {name!r}, expected a list of choices or a range; a fixed value is a "
                "list of one"
            )
        elif not choices:
            raise ValueError(f"{where}: got no choices for {name!r}, expected at least one")
