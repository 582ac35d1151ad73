"""Signal propagation: what dense layers with random weights leave of a signal, forwards and backwards."""

import functools
import json
from pathlib import Path
from typing import Any

import anywidget
import torch
import traitlets
from torch import Tensor

from nnutils.activations import ACTIVATIONS, Activation
from nnutils.arguments import one_of

from . import bundle, still
from .draws import nearly_normal
from .output import CSS, in_range, on_a_page

__all__ = ["SignalPropagation"]

SPEC: dict[str, Any] = json.loads((Path(__file__).parent / "propagation.json").read_text(encoding="utf-8"))
LINEAR = Activation(lambda z: z, torch.ones_like)


class SignalPropagation(anywidget.AnyWidget):
    """Show histograms of the activations in ten untrained dense layers, and how large signal and gradient are in each.

    100 inputs from N(0, 1) pass ten layers of 100 units without bias; a gradient from N(0, 1) at the output comes back
    through them. In JupyterLab the attributes below follow the reader's settings, and setting one moves the figure.

    Parameters
    ----------
    activation : {"linear", "sigmoid", "tanh", "relu"}
        The function after each layer.
    scheme : {"small", "large", "xavier", "he"}
        The standard deviation of the normal weights: 0.01, 1, Xavier's or He's.
    gain : float
        Factor on that standard deviation, 0.25 to 4.
    seed : int
        Seed of inputs, weights and the gradient at the output.
    name : str
        Name of the figure in the page's address; give each figure on a page its own.

    Raises
    ------
    ValueError
        A name is unknown or a number out of range; the message says which and what is expected.

    Examples
    --------
    >>> figure = SignalPropagation("relu", "he")
    >>> bool(figure.activation_std()[-1] > 0.3), bool(SignalPropagation("relu", "small").activation_std()[-1] < 1e-8)
    (True, True)
    """

    _esm = bundle.module("propagation")
    _css = CSS

    activation = traitlets.Unicode("tanh").tag(sync=True)
    scheme = traitlets.Unicode("xavier").tag(sync=True)
    gain = traitlets.Float(1.0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    name = traitlets.Unicode("propagation").tag(sync=True)

    def __init__(
        self,
        activation: str = "tanh",
        scheme: str = "xavier",
        *,
        gain: float = 1.0,
        seed: int = 0,
        name: str = "propagation",
    ) -> None:
        super().__init__(activation=activation, scheme=scheme, gain=gain, seed=seed, name=name)

    @traitlets.validate("activation")
    def _check_activation(self, proposal: Any) -> str:
        return one_of("SignalPropagation: activation", proposal["value"], SPEC["activations"])

    @traitlets.validate("scheme")
    def _check_scheme(self, proposal: Any) -> str:
        return one_of("SignalPropagation: scheme", proposal["value"], SPEC["schemes"])

    @traitlets.validate("gain")
    def _check_gain(self, proposal: Any) -> float:
        return in_range("SignalPropagation: gain", proposal["value"], SPEC["gains"][0], SPEC["gains"][-1])

    @traitlets.validate("seed")
    def _check_seed(self, proposal: Any) -> int:
        return in_range("SignalPropagation: seed", proposal["value"], 0, 2**32 - 1)

    @property
    def state(self) -> dict[str, Any]:
        """The figure's settings as plain data: what the page starts from."""
        return {name: getattr(self, name) for name in ("activation", "scheme", "gain", "seed")}

    def weight_std(self) -> float:
        """Return the standard deviation of the weights."""
        width = SPEC["width"]
        own = {"small": 0.01, "large": 1.0, "xavier": (2 / (width + width)) ** 0.5, "he": (2 / width) ** 0.5}
        return self.gain * own[self.scheme]

    def activations(self) -> list[Tensor]:
        """Return the inputs and the activations of each layer, shape ``(100, 100)`` each, float64."""
        value, (inputs, _, weights) = self._function.value, _draw(self.seed)
        layers = [inputs]
        for W in weights:
            layers.append(value(layers[-1] @ (self.weight_std() * W).T))
        return layers

    def gradients(self) -> list[Tensor]:
        """Return the gradients with respect to the inputs and the activations of each layer, as ``activations``."""
        _, gradient, weights = _draw(self.seed)
        found = [gradient]
        for h, W in zip(self.activations()[-2::-1], (self.weight_std() * weights).flip(0), strict=True):
            found.append((found[-1] * self._function.derivative(h @ W.T)) @ W)
        return found[::-1]

    def activation_std(self) -> Tensor:
        """Return the standard deviation of the inputs and of each layer's activations, shape ``(11,)``."""
        return torch.stack([h.std(correction=0) for h in self.activations()])

    def gradient_std(self) -> Tensor:
        """Return the standard deviation of the gradients with respect to them, shape ``(11,)``."""
        return torch.stack([g.std(correction=0) for g in self.gradients()])

    @property
    def _function(self) -> Activation:
        return LINEAR if self.activation == "linear" else ACTIVATIONS[self.activation]

    def __repr__(self) -> str:
        return f"SignalPropagation(activation={self.activation!r}, scheme={self.scheme!r}, gain={self.gain!r})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        return on_a_page(
            super()._repr_mimebundle_(**kwargs),
            "propagation",
            name=self.name,
            state=self.state,
            picture=still.propagation(SPEC, self.state, self.activation_std(), self.gradient_std()),
            text=repr(self),
        )


@functools.lru_cache(maxsize=4)
def _draw(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs, the gradient at the output, and the weights at standard deviation 1, as the page draws them."""
    width, samples, depth = SPEC["width"], SPEC["samples"], SPEC["depth"]
    drawn = nearly_normal(seed, 2 * samples * width + depth * width * width)
    inputs, gradient, weights = drawn.split([samples * width, samples * width, depth * width * width])
    return inputs.view(samples, width), gradient.view(samples, width), weights.view(depth, width, width)
