"""The activation explorer: a function, its slope at a point, and what a product of such slopes does over depth."""

import json
import math
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import torch
import traitlets
from torch import Tensor

from nnutils.activations import ACTIVATIONS
from nnutils.arguments import one_of

from . import bundle, still
from .output import CSS, in_range, on_a_page

__all__ = ["ActivationExplorer"]

SPEC: dict[str, Any] = json.loads((Path(__file__).parent / "explorer.json").read_text(encoding="utf-8"))


class ActivationExplorer(anywidget.AnyWidget):
    """Show an activation function with its slope at a point that the reader moves, and products of slopes over depth.

    The second plot shows by which factor a chain of 1 to 20 units changes a gradient: weight times slope in each. One
    curve has all units at the reader's point; the other has each at a z of its own from N(0, 1), and shows the root
    mean square. In JupyterLab the attributes below follow the reader's settings, and setting one moves the figure.

    Parameters
    ----------
    activation : {"sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu"}
        The function, one of ``nnutils.activations``. Its formula is printed in the figure.
    z : float
        Where the point starts, -6 to 6.
    weight : float
        The weight between two units of the chain, 0.25 to 8.
    name : str
        Name of the figure in the page's address; give each figure on a page its own.

    Raises
    ------
    ValueError
        A name is unknown or a number out of range; the message says which and what is expected.

    Examples
    --------
    >>> explorer = ActivationExplorer("sigmoid", z=0)
    >>> explorer.slope()
    0.25
    >>> f"{explorer.products()[9]:.1e}"
    '9.5e-07'
    """

    _esm = bundle.module("explorer")
    _css = CSS

    activation = traitlets.Unicode("sigmoid").tag(sync=True)
    z = traitlets.Float(0.0).tag(sync=True)
    weight = traitlets.Float(1.0).tag(sync=True)
    name = traitlets.Unicode("explorer").tag(sync=True)

    def __init__(
        self, activation: str = "sigmoid", *, z: float = 0.0, weight: float = 1.0, name: str = "explorer"
    ) -> None:
        super().__init__(activation=activation, z=z, weight=weight, name=name)

    @traitlets.validate("activation")
    def _check_activation(self, proposal: Any) -> str:
        return one_of("ActivationExplorer: activation", proposal["value"], SPEC["activations"])

    @traitlets.validate("z")
    def _check_z(self, proposal: Any) -> float:
        return in_range("ActivationExplorer: z", proposal["value"], *SPEC["z"])

    @traitlets.validate("weight")
    def _check_weight(self, proposal: Any) -> float:
        return in_range("ActivationExplorer: weight", proposal["value"], SPEC["weights"][0], SPEC["weights"][-1])

    @property
    def state(self) -> dict[str, Any]:
        """The figure's settings as plain data: what the page starts from."""
        return {"activation": self.activation, "z": self.z, "weight": self.weight}

    def value(self) -> float:
        """Return the function's value at z, computed by ``nnutils.activations``."""
        return ACTIVATIONS[self.activation].value(torch.tensor(self.z, dtype=torch.float64)).item()

    def slope(self) -> float:
        """Return the function's slope at z, computed by ``nnutils.activations``."""
        return ACTIVATIONS[self.activation].derivative(torch.tensor(self.z, dtype=torch.float64)).item()

    def typical_slope(self) -> float:
        """Return the root mean square of the slope for z from N(0, 1), by Gauss's rule on pieces that meet at 0."""
        at, weight = (torch.as_tensor(one) for one in np.polynomial.legendre.leggauss(20))
        z = (torch.arange(-9.5, 10, dtype=torch.float64)[:, None] + at / 2).flatten()
        density = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        slope = ACTIVATIONS[self.activation].derivative(z)
        return math.sqrt((weight.repeat(20) / 2 * slope**2 * density).sum().item())

    def products(self) -> Tensor:
        """Return the size of the product of 1 to 20 factors weight times slope, all at z, shape ``(20,)``, float64."""
        return self._powers(abs(self.slope()))

    def typical_products(self) -> Tensor:
        """Return the root mean square of that product for z from N(0, 1) in each unit, shape ``(20,)``, float64."""
        return self._powers(self.typical_slope())

    def _powers(self, slope: float) -> Tensor:
        depths = torch.arange(1, SPEC["depth"] + 1, dtype=torch.float64)
        return torch.tensor(self.weight * slope, dtype=torch.float64) ** depths

    def __repr__(self) -> str:
        return f"ActivationExplorer(activation={self.activation!r}, z={self.z!r}, weight={self.weight!r})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        return on_a_page(
            super()._repr_mimebundle_(**kwargs),
            "explorer",
            name=self.name,
            state=self.state,
            picture=still.explorer(SPEC, self.state, ACTIVATIONS[self.activation], self.products()),
            text=repr(self),
        )
