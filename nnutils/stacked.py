r"""Many small models at once: the same net from many seeds, or at many learning rates, trained as one.

A step of a small net is nearly all overhead. K models of one architecture have weights of shapes ``(out, in)``;
stacked they are ``(K, out, in)``, a layer is one batched product, and the update of all is one operation on a matrix
``(K, P)`` of all parameters. The sum of the K losses has as its gradient, in row k, that of loss k: each model learns
as if it were alone.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from nnutils import optim, regularization
from nnutils.arguments import nonnegative, one_of, samples_for, targets_of, whole
from nnutils.data import Split
from nnutils.history import History
from nnutils.steps import Pure
from nnutils.train import minibatches

__all__ = ["ELEMENTWISE", "Stacked", "fit"]

ELEMENTWISE = (
    nn.CELU,
    nn.Dropout,
    nn.ELU,
    nn.GELU,
    nn.Hardtanh,
    nn.Identity,
    nn.LeakyReLU,
    nn.Mish,
    nn.ReLU,
    nn.ReLU6,
    nn.SELU,
    nn.SiLU,
    nn.Sigmoid,
    nn.Softplus,
    nn.Softsign,
    nn.Tanh,
    regularization.Dropout,
)
"""Layers that treat each number by itself, and so serve a stack as they are."""


class Stacked(nn.Module):
    """K models of one architecture as one, with copies of their weights in ``weights``, shape ``(K, P)``.

    Parameters
    ----------
    models : sequence of nn.Sequential
        Linear layers, activations, Dropout, Flatten; equal but for their weights, on one device.

    Raises
    ------
    ValueError
        Models that differ, or a layer that cannot be stacked; weights that are shared or frozen.

    Examples
    --------
    >>> models = [nn.Sequential(nn.Linear(2, 3), nn.Tanh()) for _ in range(5)]
    >>> Stacked(models)(torch.ones(4, 2)).shape
    torch.Size([5, 4, 3])
    """

    def __init__(self, models: Sequence[nn.Module]) -> None:
        super().__init__()
        if not models or not all(isinstance(model, nn.Sequential) for model in models):
            names = ", ".join(sorted({type(model).__name__ for model in models})) or "none"
            raise ValueError(f"stacked: got models {names}, expected one or more nn.Sequential")
        stacks = [_layers(model) for model in models]
        for i, layers in enumerate(stacks):
            if list(map(repr, layers)) != list(map(repr, stacks[0])):
                raise ValueError(f"stacked: got models[{i}] of another architecture than models[0], expected all equal")
            weights = _parameters(layers)
            if len({id(p) for p in weights}) < len(weights) or not all(p.requires_grad for p in weights):
                raise ValueError(
                    f"stacked: got models[{i}] with shared or frozen weights, expected none; use train.fit"
                )
        self.layers = stacks[0]  # a plain list: the weights that count are those below
        self.sources = stacks
        rows = [torch.cat([p.detach().reshape(-1) for p in _parameters(layers)]) for layers in stacks]
        self.weights = nn.Parameter(torch.stack(rows))
        self.shapes = [p.shape for p in _parameters(self.layers)]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs of all models, ``(K, B, C)``; inputs ``(B, D)`` for all alike, or ``(K, B, D)``."""
        K = len(self.weights)
        parts = iter(self.weights.split([shape.numel() for shape in self.shapes], dim=1))
        shapes = iter(self.shapes)
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                weight = next(parts).view(K, *next(shapes)).mT
                bias = next(parts).view(K, 1, *next(shapes)) if layer.bias is not None else None
                x = inputs.expand(K, *inputs.shape) if inputs.ndim == 2 else inputs
                inputs = torch.bmm(x, weight) if bias is None else torch.baddbmm(bias, x, weight)
            else:
                inputs = layer(inputs)
        return inputs

    def train(self, mode: bool = True) -> "Stacked":
        """Set the mode, also of the layers, which are those of the first model."""
        for layer in self.layers:
            layer.train(mode)
        return super().train(mode)

    @torch.no_grad()
    def write_back(self) -> None:
        """Copy each row of weights into the model that it came from."""
        for layers, row in zip(self.sources, self.weights, strict=True):
            parts = row.split([shape.numel() for shape in self.shapes])
            for p, part in zip(_parameters(layers), parts, strict=True):
                p.copy_(part.view(p.shape))


def fit(
    models: Sequence[nn.Module],
    data: Split | tuple[Tensor, Tensor],
    rule: str,
    *,
    lr: float | Sequence[float],
    epochs: int,
    batch_size: int = 64,
    validation: tuple[Tensor, Tensor] | None = None,
    on_epoch: Callable[[int, list[History], Sequence[nn.Module]], object] | None = None,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
    compile: bool = False,
    capture: bool = False,
    progress: bool = True,
    **hyper: Any,
) -> list[History]:
    """Train models in place, all at once, by cross-entropy; return a history for each.

    A model that diverges does not disturb the others: its history says nan, and so do its weights. Ctrl-C ends the
    training and keeps the weights of the last step and the history of the whole epochs.

    Parameters
    ----------
    models : sequence of nn.Sequential
        As for ``Stacked``.
    data : Split or (X, y)
        Samples ``(N, ...)`` and class indices ``(N,)`` on the models' device.
    rule : str
        A name in ``optim.RULES``.
    lr : float or K floats
        The learning rate, of all or of each.
    on_epoch : callable, optional
        Called after each epoch with its number (from 0), the histories so far and the models, up to date.
    generator : torch.Generator or K of them, optional
        One shuffles for all models alike; K give each model the batches that ``train.fit`` with its generator has.
    compile, capture : bool
        As for ``steps.Pure``.
    **hyper
        The rule's other hyperparameters, ``weight_decay`` and ``decoupled``.

    Raises
    ------
    ValueError
        Models that cannot be stacked, an unknown rule, not as many rates or generators as models, and data as
        ``train.fit`` refuses it.

    Examples
    --------
    >>> X, y = torch.randn(64, 2), torch.arange(64) % 2
    >>> models = [nn.Sequential(nn.Linear(2, 2)) for _ in range(3)]
    >>> histories = fit(models, (X, y), "sgd", lr=[0.01, 0.1, 1.0], epochs=2, progress=False)
    >>> [len(history.train_loss) for history in histories]
    [2, 2, 2]
    """
    if isinstance(data, Split):
        validation = (data.X_val, data.y_val) if validation is None else validation
        data = data.X_train, data.y_train
    stack = Stacked(models)
    whole("stacked", 1, epochs=epochs, batch_size=batch_size)
    parts = [(X.flatten(1), y) for X, y in ([data, validation] if validation is not None else [data])]
    for X, y in parts:
        samples_for("stacked", nn.Sequential(*stack.layers), X, y)
        with torch.no_grad():
            targets_of("stacked", stack.eval()(X[:batch_size])[0], y, F.cross_entropy)
    K, (X, y) = len(models), parts[0]
    rates = list(map(float, lr)) if isinstance(lr, Iterable) else [float(lr)] * K
    for i, rate in enumerate(rates):
        nonnegative("stacked", **{f"lr[{i}]": rate})
    generators = [generator] if generator is None or isinstance(generator, torch.Generator) else list(generator)
    if len(rates) != K:
        raise ValueError(f"stacked: got {len(rates)} learning rates for {K} models, expected one for all or for each")
    if len(generators) not in (1, K):
        raise ValueError(f"stacked: got {len(generators)} generators for {K} models, expected one for all or for each")
    optimizer = optim.Optimizer([stack.weights], optim.RULES[one_of("stacked", rule, optim.RULES)], lr=0.0, **hyper)
    optimizer.param_groups[0]["lr"] = torch.tensor(rates, dtype=torch.float64)[:, None]
    step = Pure(stack, optimizer, _losses, compile=compile, capture=capture)
    histories = [History() for _ in models]
    for one in (stack, *models):
        one.train()
    total = epochs * -(-len(X) // batch_size)
    try:
        with tqdm(total=total, unit="step", disable=not progress) as bar:
            for epoch in range(epochs):
                bar.set_description(f"epoch {epoch + 1}/{epochs}", refresh=False)
                losses, sizes = [], []
                stack.train()
                with step:
                    for inputs, targets in _batches(X, y, batch_size, generators):
                        losses.append(step(inputs, targets))
                        sizes.append(targets.shape[-1])
                        bar.update()
                _record(histories, torch.stack(losses), sizes, rates)
                if len(parts) > 1:
                    _evaluate(histories, stack, *parts[1])
                if on_epoch is not None:
                    stack.write_back()
                    on_epoch(epoch, histories, models)
    except KeyboardInterrupt:
        for history in histories:
            history.interrupted = True
            history.trim(validated=len(parts) > 1)
        tqdm.write(
            f"stacked: interrupted after {len(histories[0].train_loss)} epochs; the models keep what they learnt"
        )
    finally:
        stack.write_back()
    return histories


def _losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy of each model, ``(K,)``; logits ``(K, B, C)``, targets ``(B,)`` or ``(K, B)``."""
    K, B, _ = logits.shape
    return F.cross_entropy(logits.flatten(0, 1), targets.expand(K, B).reshape(-1), reduction="none").view(K, B).mean(1)


def _batches(
    X: Tensor, y: Tensor, batch_size: int, generators: Sequence[torch.Generator | None]
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the batches of one epoch: the same for all models, or one for each, ``(K, B, ...)``."""
    if len(generators) == 1:
        yield from minibatches(X, y, batch_size, generators[0])
        return
    orders = torch.stack([torch.randperm(len(X), generator=one) for one in generators]).to(X.device)
    for rows in orders.split(batch_size, dim=1):
        yield X[rows], y[rows]


def _record(histories: list[History], losses: Tensor, sizes: list[int], rates: list[float]) -> None:
    """Write an epoch's losses, ``(steps, K)``, to the histories: the one place that waits for the device."""
    for history, values, rate in zip(histories, losses.T.tolist(), rates, strict=True):
        history.step_loss += values
        history.train_loss.append(sum(v * n for v, n in zip(values, sizes, strict=True)) / sum(sizes))
        history.lr.append(rate)


@torch.no_grad()
def _evaluate(histories: list[History], stack: Stacked, X: Tensor, y: Tensor, batch_size: int = 1000) -> None:
    """Write validation loss and accuracy of each model to the histories."""
    stack.eval()
    logits = torch.cat([stack(part) for part in X.split(batch_size)], dim=1)
    stack.train()
    hits = (logits.argmax(2) == y).sum(1).tolist()
    for history, loss, hit in zip(histories, _losses(logits, y).tolist(), hits, strict=True):
        history.val_loss.append(loss)
        history.val_accuracy.append(hit / len(y))


def _layers(model: nn.Module) -> list[nn.Module]:
    """Return the layers of a Sequential, nested ones unpacked; refuse what cannot be stacked."""
    layers: list[nn.Module] = []
    for layer in model:  # type: ignore[attr-defined]  # all of them: children() leaves out what comes twice
        if isinstance(layer, nn.Sequential):
            layers += _layers(layer)
        elif type(layer) is nn.Linear or type(layer) in ELEMENTWISE:
            layers.append(layer)
        elif not isinstance(layer, nn.Flatten):  # samples are rows of numbers here
            raise ValueError(
                f"stacked: got a layer {type(layer).__name__}, expected Linear, Flatten, Dropout and activations; "
                "train such models one by one with train.fit"
            )
    return layers


def _parameters(layers: list[nn.Module]) -> list[nn.Parameter]:
    return [p for layer in layers for p in layer.parameters()]
