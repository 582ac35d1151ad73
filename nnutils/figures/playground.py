"""The regularization playground: a small net learns few noisy points, with remedies against overfitting."""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import anywidget
import torch
import torch.nn.functional as F
import traitlets
from torch import Tensor, nn

from nnutils.arguments import one_of
from nnutils.regularization import EarlyStopping, l1_penalty

from . import bundle, draws, still
from .output import CSS, in_range, on_a_page

__all__ = ["RegularizationPlayground", "Training"]

SPEC: dict[str, Any] = json.loads((Path(__file__).parent / "playground.json").read_text(encoding="utf-8"))
USUAL: dict[str, Any] = SPEC["defaults"]
NAMES = {"data": SPEC["data"], "activation": SPEC["activations"]}


class Training(NamedTuple):
    """What a run leaves behind: both losses at epoch 0, before training, and after each epoch; and the net.

    Examples
    --------
    >>> run = RegularizationPlayground("moons", epochs=50).train()
    >>> len(run.val_loss), run.ended, run.train_loss[-1] < run.train_loss[0]
    (51, 'limit', True)
    """

    train_loss: list[float]
    """Mean cross-entropy of the training points, without penalties and without dropout."""
    val_loss: list[float]
    """The same of the validation points."""
    best_epoch: int
    """The epoch of the lowest validation loss."""
    ended: str
    """``"limit"``, ``"stopped"`` (early, and back at the best weights) or ``"diverged"``."""
    model: nn.Sequential
    """The net, in evaluation mode: points (N, 2) in, logits (N, 1) out, float64."""


class RegularizationPlayground(anywidget.AnyWidget):
    """Show a small net as it learns few noisy points of two classes, with remedies against overfitting.

    The net has two hidden layers and trains in the page: gradient descent with momentum 0.9 on all 60 training points,
    so that an epoch is one step; 200 validation points only measure. In JupyterLab the attributes below follow the
    reader's settings, and setting one starts the training anew.

    Parameters
    ----------
    data : {"moons", "circles", "xor"}
        How the points lie before the noise.
    noise : float
        Standard deviation of the noise, 0 to 2.
    seed : int
        Decides points, first weights and dropout, 0 to 999.
    width : int
        Units in each of the two hidden layers, 1 to 32.
    activation : {"tanh", "relu"}
        Activation of the hidden layers.
    lr : float
        Learning rate, 0 to 10.
    epochs : int
        Length of the training, 1 to 5000.
    weight_decay : float
        Added to the gradient times the parameter, as in ``torch.optim.SGD``.
    l1 : float
        Factor of the sum of the parameters' absolute values in the loss.
    dropout : float
        Probability to drop a hidden unit, 0 to 0.9.
    patience : int
        Epochs without a new lowest validation loss before the training stops and returns to its best weights; 0 trains
        to the end.
    name : str
        Name of the figure in the page's address; give each figure on a page its own.

    Raises
    ------
    ValueError
        A name is unknown or a number out of range; the message says which and what is expected.

    Examples
    --------
    >>> run = RegularizationPlayground("moons", epochs=200, patience=20).train()
    >>> run.ended, run.best_epoch == len(run.val_loss) - 21
    ('stopped', True)
    """

    _esm = bundle.module("playground")
    _css = CSS

    data = traitlets.Unicode(USUAL["data"]).tag(sync=True)
    noise = traitlets.Float(USUAL["noise"]).tag(sync=True)
    seed = traitlets.Int(USUAL["seed"]).tag(sync=True)
    width = traitlets.Int(USUAL["width"]).tag(sync=True)
    activation = traitlets.Unicode(USUAL["activation"]).tag(sync=True)
    lr = traitlets.Float(USUAL["lr"]).tag(sync=True)
    epochs = traitlets.Int(USUAL["epochs"]).tag(sync=True)
    weight_decay = traitlets.Float(USUAL["weight_decay"]).tag(sync=True)
    l1 = traitlets.Float(USUAL["l1"]).tag(sync=True)
    dropout = traitlets.Float(USUAL["dropout"]).tag(sync=True)
    patience = traitlets.Int(USUAL["patience"]).tag(sync=True)
    name = traitlets.Unicode("playground").tag(sync=True)

    def __init__(
        self,
        data: str = USUAL["data"],
        *,
        noise: float = USUAL["noise"],
        seed: int = USUAL["seed"],
        width: int = USUAL["width"],
        activation: str = USUAL["activation"],
        lr: float = USUAL["lr"],
        epochs: int = USUAL["epochs"],
        weight_decay: float = USUAL["weight_decay"],
        l1: float = USUAL["l1"],
        dropout: float = USUAL["dropout"],
        patience: int = USUAL["patience"],
        name: str = "playground",
    ) -> None:
        super().__init__(
            data=data,
            noise=noise,
            seed=seed,
            width=width,
            activation=activation,
            lr=lr,
            epochs=epochs,
            weight_decay=weight_decay,
            l1=l1,
            dropout=dropout,
            patience=patience,
            name=name,
        )

    @traitlets.validate(*NAMES)
    def _check_name(self, proposal: Any) -> str:
        trait = proposal["trait"].name
        return one_of(f"RegularizationPlayground: {trait}", proposal["value"], NAMES[trait])

    @traitlets.validate(*SPEC["limits"])
    def _check_number(self, proposal: Any) -> Any:
        trait, value = proposal["trait"].name, proposal["value"]
        return in_range(f"RegularizationPlayground: {trait}", value, *SPEC["limits"][trait])

    @property
    def state(self) -> dict[str, Any]:
        """The figure's settings as plain data: what the page starts from."""
        return {key: getattr(self, key) for key in USUAL}

    def points(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return ``X_train`` (60, 2), ``y_train`` (60,), ``X_val`` (200, 2), ``y_val`` (200,), float64."""
        count = SPEC["train"] + SPEC["validation"]
        numbers = draws.whole_numbers(3 * self.seed, 26 * count).reshape(count, 26)
        u, v = torch.from_numpy(draws.uniforms(numbers[:, :2])).T
        noise = torch.from_numpy(draws.normals(numbers[:, 2:])).reshape(count, 2)
        y = torch.cat([torch.arange(SPEC[part]) % 2 for part in ("train", "validation")]).double()
        if self.data == "moons":
            x = torch.stack([torch.cos(math.pi * u), torch.sin(math.pi * u)], 1)
            x = 1.3 * (torch.where(y[:, None] == 1, torch.tensor([1.0, 0.5]) - x, x) - torch.tensor([0.5, 0.25]))
        elif self.data == "circles":
            radius = torch.tensor([1.5, 0.7], dtype=torch.float64)[y.long(), None]
            x = radius * torch.stack([torch.cos(2 * math.pi * u), torch.sin(2 * math.pi * u)], 1)
        else:
            x = torch.stack([3 * u - 1.5, torch.where((u < 0.5) == (y == 1), 1.5 * v, -1.5 * v)], 1)
        X, n = x + self.noise * noise, SPEC["train"]
        return X[:n], y[:n], X[n:], y[n:]

    def model(self) -> nn.Sequential:
        """Return the net before training, float64, in evaluation mode: points (N, 2) in, logits (N, 1) out."""
        unit = {"tanh": nn.Tanh, "relu": nn.ReLU}[self.activation]
        h = self.width
        shapes = ((2, h), (h, h), (h, 1))  # empty at first: PyTorch's own random numbers stay as they are
        linear = [nn.utils.skip_init(nn.Linear, *shape, dtype=torch.float64) for shape in shapes]
        net = nn.Sequential(linear[0], unit(), _Masked(), linear[1], unit(), _Masked(), linear[2])
        sizes = [(inputs + 1) * outputs for inputs, outputs in shapes]
        parts = torch.from_numpy(2 * draws.uniforms(draws.whole_numbers(3 * self.seed + 1, sum(sizes))) - 1).split(
            sizes
        )
        flat = torch.cat([part / math.sqrt(inputs) for part, (inputs, _) in zip(parts, shapes, strict=True)])
        nn.utils.vector_to_parameters(flat, net.parameters())
        return net.eval()

    def train(self) -> Training:
        """Train the net with PyTorch, with the page's points, first weights and dropout masks, and return the run."""
        X, y, X_val, y_val = self.points()
        net, train_loss, val_loss = self.model(), list[float](), list[float]()
        optimizer = torch.optim.SGD(
            net.parameters(), lr=self.lr, momentum=SPEC["momentum"], weight_decay=self.weight_decay
        )
        stopping, best_epoch, ended = EarlyStopping(self.patience or self.epochs + 2), 0, "limit"
        for epoch in range(self.epochs + 1):
            if epoch > 0:
                for layer, mask in zip(net[2::3], self._masks(epoch), strict=False):
                    layer.mask = mask
                optimizer.zero_grad()
                loss = F.binary_cross_entropy_with_logits(net.train()(X)[:, 0], y)
                (loss + self.l1 * l1_penalty(net.parameters()) if self.l1 else loss).backward()
                optimizer.step()
            with torch.no_grad():
                known, new = net.eval()(torch.cat([X, X_val]))[:, 0].split([len(X), len(X_val)])
                train_loss.append(F.binary_cross_entropy_with_logits(known, y).item())
                val_loss.append(F.binary_cross_entropy_with_logits(new, y_val).item())
            if not math.isfinite(train_loss[-1] + val_loss[-1]):
                ended = "diverged"
                break
            stop = stopping.update(val_loss[-1], net)
            best_epoch = epoch if stopping.waited == 0 else best_epoch
            if stop:
                stopping.restore(net)
                ended = "stopped"
                break
        return Training(train_loss, val_loss, best_epoch, ended, net)

    def _masks(self, epoch: int) -> list[Tensor]:
        """Return dropout's factors of an epoch, 1, 2, ..., for both hidden layers: 0 or 1 / (1 - p)."""
        if self.dropout == 0:
            return []
        size = SPEC["train"] * self.width
        drawn = draws.uniforms(draws.whole_numbers(3 * self.seed + 2, 2 * size, skip=2 * size * (epoch - 1)))
        kept = torch.from_numpy(drawn).reshape(2, SPEC["train"], self.width) >= self.dropout
        return list(kept.double() / (1 - self.dropout))

    def __repr__(self) -> str:
        changed = {key: value for key, value in self.state.items() if key == "data" or value != USUAL[key]}
        return f"RegularizationPlayground({', '.join(f'{key}={value!r}' for key, value in changed.items())})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        return on_a_page(
            super()._repr_mimebundle_(**kwargs),
            "playground",
            name=self.name,
            state=self.state,
            picture=still.playground(SPEC, self.state, self.points(), self.train()),
            text=repr(self),
        )


class _Masked(nn.Module):
    """Dropout with given factors: times ``mask`` in training mode, the identity without one or in evaluation mode."""

    mask: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        return x if self.mask is None or not self.training else x * self.mask
