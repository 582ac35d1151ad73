"""The optimizer race: update rules side by side on a loss surface with two weights."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from torch import Tensor

from nnutils import optim
from nnutils.arguments import one_of

from . import bundle, draws, still
from .output import CSS, in_range, on_a_page

__all__ = ["SURFACES", "OptimizerRace", "gradient_noise"]

SPEC: dict[str, Any] = json.loads((Path(__file__).parent / "race.json").read_text(encoding="utf-8"))

SURFACES: dict[str, Callable[[Tensor], Tensor]] = {
    "ravine": lambda w: 0.04 * w[..., 0] ** 2 + 2 * w[..., 1] ** 2,
    "saddle": lambda w: w[..., 0] ** 2 / 2 - w[..., 1] ** 2 / 2 + w[..., 1] ** 4 / 4 + 1 / 4,
    "rosenbrock": lambda w: (1 - w[..., 0]) ** 2 + 100 * (w[..., 1] - w[..., 0] ** 2) ** 2,
    "noisy_bowl": lambda w: (w**2).sum(-1) / 2,
}


def gradient_noise(seed: int, steps: int) -> Tensor:
    """Return the noise that the noisy bowl adds to its gradients, shape ``(steps, 2)``, float64, standard deviation 1.

    Examples
    --------
    >>> noise = gradient_noise(0, 1000)
    >>> noise.shape, bool(abs(noise.mean()) < 0.1), bool(abs(noise.std() - 1) < 0.1)
    (torch.Size([1000, 2]), True, True)
    """
    return draws.nearly_normal(seed, 2 * steps).reshape(steps, 2)


class OptimizerRace(anywidget.AnyWidget):
    """Show update rules racing on a loss surface with two weights.

    In JupyterLab the attributes below follow the reader's settings, and setting one moves the figure.

    Parameters
    ----------
    surface : {"ravine", "saddle", "rosenbrock", "noisy_bowl"}
        The loss. Its formula is printed in the figure.
    optimizers : sequence of str
        The rules that run at first, names in ``("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")``.
        The reader can add the others.
    start : pair of floats, optional
        Where all start; each surface has its own default.
    steps : int, optional
        Number of updates, 1 to 1000; each surface has its own default.
    hyper : mapping, optional
        Hyperparameters that differ from the surface's defaults, by optimizer, in PyTorch's words:
        ``{"adam": {"lr": 0.1, "betas": (0.9, 0.999)}}``.
    noise : float
        Standard deviation of the gradient noise; only the noisy bowl uses it.
    seed : int
        Seed of that noise.
    name : str
        Name of the figure in the page's address; give each figure on a page its own.

    Raises
    ------
    ValueError
        A name is unknown or a number out of range; the message says which and what is expected.

    Examples
    --------
    >>> race = OptimizerRace("ravine", ["sgd", "adam"], steps=20, hyper={"sgd": {"lr": 0.1}})
    >>> race.paths()["sgd"].shape
    torch.Size([21, 2])
    """

    _esm = bundle.module("race")
    _css = CSS

    surface = traitlets.Unicode("ravine").tag(sync=True)
    optimizers = traitlets.List(traitlets.Unicode()).tag(sync=True)
    start = traitlets.List(traitlets.Float(), minlen=2, maxlen=2).tag(sync=True)
    steps = traitlets.Int(1).tag(sync=True)
    noise = traitlets.Float(1.0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    hyper = traitlets.Dict().tag(sync=True)
    name = traitlets.Unicode("race").tag(sync=True)

    def __init__(
        self,
        surface: str = "ravine",
        optimizers: Sequence[str] = ("sgd", "momentum", "adam"),
        *,
        start: Sequence[float] | None = None,
        steps: int | None = None,
        hyper: Mapping[str, Mapping[str, Any]] | None = None,
        noise: float = SPEC["noise"],
        seed: int = 0,
        name: str = "race",
    ) -> None:
        one_of("OptimizerRace: surface", surface, SPEC["surfaces"])
        own = SPEC["surfaces"][surface]
        super().__init__(
            surface=surface,
            optimizers=_optimizers(optimizers),
            start=list(own["start"]) if start is None else start,
            steps=own["steps"] if steps is None else steps,
            hyper=hyper or {},
            noise=noise,
            seed=seed,
            name=name,
        )

    @traitlets.validate("surface")
    def _check_surface(self, proposal: Any) -> str:
        return one_of("OptimizerRace: surface", proposal["value"], SPEC["surfaces"])

    @traitlets.validate("optimizers")
    def _check_optimizers(self, proposal: Any) -> list[str]:
        return _optimizers(proposal["value"])

    @traitlets.validate("start")
    def _check_start(self, proposal: Any) -> list[float]:
        for value, axis in zip(proposal["value"], ("start[0]", "start[1]"), strict=True):
            _in_range(axis, value, -1000, 1000)
        return list(proposal["value"])

    @traitlets.validate("steps")
    def _check_steps(self, proposal: Any) -> int:
        return _in_range("steps", proposal["value"], 1, SPEC["most_steps"])

    @traitlets.validate("noise")
    def _check_noise(self, proposal: Any) -> float:
        return _in_range("noise", proposal["value"], 0, 100)

    @traitlets.validate("seed")
    def _check_seed(self, proposal: Any) -> int:
        return _in_range("seed", proposal["value"], 0, 2**32 - 1)

    @traitlets.validate("hyper")
    def _check_hyper(self, proposal: Any) -> dict[str, dict[str, Any]]:
        return _hyper(self.surface, proposal["value"])

    @property
    def state(self) -> dict[str, Any]:
        """The figure's settings as plain data: what the page starts from."""
        names = ("surface", "optimizers", "start", "steps", "noise", "seed", "hyper")
        return {name: getattr(self, name) for name in names}

    def paths(self) -> dict[str, Tensor]:
        """Return each running optimizer's path, shape ``(steps + 1, 2)``, float64, computed by ``nnutils.optim``."""
        loss = SURFACES[self.surface]
        shocks = self.noise * gradient_noise(self.seed, self.steps)
        paths = {}
        for name in self.optimizers:
            step = iter(shocks)
            grad = (lambda w, step=step: w + next(step)) if self.surface == "noisy_bowl" else None
            paths[name] = optim.minimize(name, loss, self.start, steps=self.steps, grad=grad, **self.hyper[name])
        return paths

    def __repr__(self) -> str:
        return f"OptimizerRace(surface={self.surface!r}, optimizers={self.optimizers!r})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        return on_a_page(
            super()._repr_mimebundle_(**kwargs),
            "race",
            name=self.name,
            state=self.state,
            picture=still.race(SPEC, SURFACES[self.surface], self.state, self.paths()),
            text=repr(self),
        )


def _optimizers(names: Any) -> list[str]:
    if isinstance(names, str):
        raise ValueError(
            f"OptimizerRace: optimizers: got the string {names!r}, expected a list of names, like [{names!r}]"
        )
    chosen = {one_of("OptimizerRace: optimizers", name, SPEC["optimizers"]) for name in names}
    return [name for name in SPEC["optimizers"] if name in chosen]


def _in_range(what: str, value: Any, low: float, high: float) -> Any:
    return in_range(f"OptimizerRace: {what}", value, low, high)


def _hyper(surface: str, given: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the hyperparameters of all optimizers on a surface: the defaults, changed by those given."""
    for name in given:
        one_of("OptimizerRace: hyper", name, SPEC["optimizers"])
    complete = {}
    for name, about in SPEC["optimizers"].items():
        usual = {"lr": SPEC["surfaces"][surface]["lr"][name], **about["hyper"]}
        for key, value in given.get(name, {}).items():
            what = f"hyper[{name!r}]"
            one_of(f"OptimizerRace: {what}", key, usual)
            if key == "lr":
                _in_range(f"{what}['lr']", value, 0, 1e6)
                continue
            betas = value if key == "betas" else [value]
            if key == "betas" and not (isinstance(value, Sequence) and len(value) == 2):
                raise ValueError(f"OptimizerRace: {what}['betas']: got {value!r}, expected a pair like (0.9, 0.999)")
            for beta in betas:
                if not (isinstance(beta, int | float) and math.isfinite(beta) and 0 <= beta < 1):
                    raise ValueError(
                        f"OptimizerRace: {what}[{key!r}]: got {beta!r}, expected a number from 0 to below 1"
                    )
        new = {**usual, **given.get(name, {})}
        complete[name] = {key: list(value) if key == "betas" else value for key, value in new.items()}
    return complete
