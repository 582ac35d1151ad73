"""A plain training loop: minibatches, history, validation, early stopping, a progress bar.

The data stay on the device as two tensors and a batch is a slice of one permutation; losses are summed on the device
and read once an epoch, because reading a number from a GPU waits for the GPU.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from nnutils.arguments import class_indices, nonnegative, same_device, shape, whole
from nnutils.data import Split
from nnutils.regularization import EarlyStopping

__all__ = ["History", "evaluate", "fit", "keep_modes", "minibatches"]

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass
class History:
    """What a training run leaves behind, as plain lists.

    ``step_loss`` has one minibatch loss for each step; ``train_loss`` (mean over the epoch's samples, while the
    weights move), ``val_loss``, ``val_accuracy`` (empty without validation data) and ``lr`` (of the epoch's last
    step) have one entry for each epoch. ``stopped_early`` says whether patience ran out.

    Examples
    --------
    >>> History(train_loss=[2.3, 1.1]).train_loss[-1]
    1.1
    """

    step_loss: list[float] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    val_loss: list[float] = field(default_factory=list)
    val_accuracy: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    stopped_early: bool = False


def minibatches(
    X: Tensor, y: Tensor, batch_size: int, generator: torch.Generator | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield one epoch of shuffled batches; X and y by the same permutation, the last, shorter batch included.

    Examples
    --------
    >>> X, y = torch.arange(5.0)[:, None], torch.arange(5)
    >>> [len(batch) for batch, _ in minibatches(X, y, 2)]
    [2, 2, 1]
    """
    whole("minibatches", 1, batch_size=batch_size)
    shape("minibatches", "(N, ...)", X=X, y=y)
    same_device("minibatches", X=X, y=y)
    if len(X) != len(y):
        raise ValueError(f"minibatches: got {len(X)} rows and {len(y)} targets, expected as many of both")
    for rows in torch.randperm(len(X), generator=generator).to(X.device).split(batch_size):
        yield X[rows], y[rows]


@contextmanager
def keep_modes(model: nn.Module) -> Iterator[None]:
    """Put the mode of every module, training or evaluation, back at the end of the block, also when it raises.

    Examples
    --------
    >>> model = nn.Dropout()
    >>> with keep_modes(model):
    ...     print(model.eval().training)
    False
    >>> model.training
    True
    """
    modes = {module: module.training for module in model.modules()}
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@torch.inference_mode()
def evaluate(
    model: nn.Module, X: Tensor, y: Tensor, *, loss_fn: Loss = F.cross_entropy, batch_size: int = 1000
) -> tuple[float, float]:
    """Return mean loss and accuracy over all samples, computed in evaluation mode.

    The mode of every module comes back as it was, also when the model raises. The mean is over samples, not over
    batches, so that a shorter last batch weighs what it should. ``loss_fn`` must average over its batch. The accuracy
    is nan where targets are no class indices (int64 of shape ``(N,)``).

    Raises
    ------
    ValueError
        No samples, wrong shapes or dtypes, targets that are no class indices of the model's outputs, or model and data
        on different devices.

    Examples
    --------
    >>> model = nn.Linear(2, 2, bias=False)
    >>> _ = model.weight.data.copy_(torch.eye(2))
    >>> loss, accuracy = evaluate(model, torch.tensor([[9.0, 0.0], [0.0, 9.0]]), torch.tensor([0, 0]))
    >>> round(loss, 2), accuracy
    (4.5, 0.5)
    """
    whole("evaluate", 1, batch_size=batch_size)
    _check_data("evaluate", model, X, y)
    loss, hits = torch.zeros((), device=X.device), torch.zeros((), device=X.device)
    with keep_modes(model):
        model.eval()
        for i, (inputs, targets) in enumerate(zip(X.split(batch_size), y.split(batch_size), strict=True)):
            logits = model(inputs)
            if i == 0:
                _check_targets("evaluate", logits, y, loss_fn)
            loss += loss_fn(logits, targets) * len(inputs)
            labelled = y.dtype == torch.int64 and y.ndim == 1 and logits.ndim == 2
            hits += (logits.argmax(1) == targets).sum() if labelled else math.nan
    return loss.item() / len(X), hits.item() / len(X)


def fit(
    model: nn.Module,
    data: Split | tuple[Tensor, Tensor],
    *,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    loss_fn: Loss = F.cross_entropy,
    batch_size: int = 64,
    validation: tuple[Tensor, Tensor] | None = None,
    schedule: Callable[[int], float] | None = None,
    patience: int | None = None,
    on_epoch: Callable[[int, History, nn.Module], object] | None = None,
    generator: torch.Generator | None = None,
    progress: bool = True,
) -> History:
    """Train a model in place and return the history.

    Parameters
    ----------
    data : Split or (X, y)
        Training samples ``(N, D)`` and targets ``(N,)``; a Split brings its validation part along.
    optimizer : torch.optim.Optimizer
        PyTorch's or one of ``nnutils.optim``, built for this model's parameters.
    schedule : callable, optional
        Maps the step number (from 0) to the learning rate of that step; see ``nnutils.schedules``.
    patience : int, optional
        Stop when the validation loss has not improved for this many epochs; in any case put the best weights back.
    on_epoch : callable, optional
        Called after each epoch with its number (from 0), the history so far and the model, in training mode: to log,
        to draw, to save.
    generator : torch.Generator, optional
        CPU generator that shuffles the batches.

    Raises
    ------
    ValueError
        Wrong shapes or dtypes, targets that are no class indices of the model's outputs, no validation data for early
        stopping, an optimizer built for another model, or model and data on different devices.

    Examples
    --------
    >>> _ = torch.manual_seed(0)
    >>> X = torch.randn(200, 2)
    >>> y = (X[:, 0] > X[:, 1]).long()
    >>> model = nn.Linear(2, 2)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    >>> history = fit(model, (X, y), optimizer=optimizer, epochs=5, progress=False)
    >>> history.train_loss[0] > 2 * history.train_loss[-1]
    True
    """
    if isinstance(data, Split):
        X, y = data.X_train, data.y_train
        validation = (data.X_val, data.y_val) if validation is None else validation
    else:
        X, y = _pair("data", data)
    _check(model, X, y, optimizer, validation, patience, epochs)
    stopping = EarlyStopping(patience) if patience is not None else None
    history, step = History(), 0
    model.train()
    with tqdm(total=epochs, unit="epoch", disable=not progress) as bar:
        for epoch in range(epochs):
            losses: list[Tensor] = []
            sizes: list[int] = []
            for inputs, targets in minibatches(X, y, batch_size, generator):
                if schedule is not None:
                    lr = schedule(step)
                    nonnegative("fit", **{f"schedule({step})": lr})
                    for group in optimizer.param_groups:
                        group["lr"] = lr
                optimizer.zero_grad()
                logits = model(inputs)
                if step == 0:
                    _check_targets("fit", logits, y, loss_fn)
                    if validation is not None:
                        _check_targets("fit", logits, validation[1], loss_fn, name="validation targets")
                loss = loss_fn(logits, targets)
                loss.backward()
                optimizer.step()
                losses.append(loss.detach())
                sizes.append(len(inputs))
                step += 1
            epoch_losses = torch.stack(losses).tolist()
            history.step_loss += epoch_losses
            history.train_loss.append(sum(v * n for v, n in zip(epoch_losses, sizes, strict=True)) / len(X))
            history.lr.append(optimizer.param_groups[0]["lr"])
            bar.set_postfix(loss=f"{history.train_loss[-1]:.3g}", refresh=False)
            bar.update()
            if validation is not None:
                val_loss, val_accuracy = evaluate(model, *validation, loss_fn=loss_fn)
                history.val_loss.append(val_loss)
                history.val_accuracy.append(val_accuracy)
                history.stopped_early = stopping is not None and stopping.update(val_loss, model)
            if on_epoch is not None:
                on_epoch(epoch, history, model)
            if history.stopped_early:
                break
    if stopping is not None and stopping.weights is not None:
        stopping.restore(model)
    return history


def _check(
    model: nn.Module,
    X: Tensor,
    y: Tensor,
    optimizer: torch.optim.Optimizer,
    validation: tuple[Tensor, Tensor] | None,
    patience: int | None,
    epochs: int,
) -> None:
    whole("fit", 1, epochs=epochs)
    for inputs, targets in ((X, y), _pair("validation", validation)) if validation is not None else ((X, y),):
        _check_data("fit", model, inputs, targets)
    if patience is not None and validation is None:
        raise ValueError(f"fit: got patience={patience} without validation data, expected both; pass validation=(X, y)")
    parameters = {id(p) for p in model.parameters() if p.requires_grad}
    groups = getattr(optimizer, "param_groups", None)
    if groups is None:
        raise ValueError(f"fit: got {optimizer!r} as optimizer, expected one that is built from model.parameters()")
    if not any(id(p) in parameters for group in groups for p in group["params"]):
        raise ValueError(
            "fit: the optimizer holds no parameter of this model that requires a gradient; build it from "
            "model.parameters()"
        )


def _pair(name: str, given: object) -> tuple[Tensor, Tensor]:
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError(f"fit: got {name} of type {type(given).__name__}, expected a pair of tensors (X, y)")
    return given[0], given[1]


def _check_targets(where: str, logits: Tensor, y: Tensor, loss_fn: Loss, name: str = "targets") -> None:
    """Refuse what cross-entropy cannot compare with the logits of a batch; another loss knows itself what it takes."""
    if loss_fn is not F.cross_entropy:
        return
    shape(where, "(N, C, ...)", logits=logits)
    if y.shape[1:] not in (logits.shape[1:], logits.shape[2:]):
        raise ValueError(
            f"{where}: got {name} of shape {tuple(y.shape)} for logits of shape {tuple(logits.shape)}, "
            "expected (N,) for (N, C)"
        )
    if y.ndim == 1:
        class_indices(where, y, classes=logits.shape[1], name=name)


def _check_data(where: str, model: nn.Module, X: Tensor, y: Tensor) -> None:
    shape(where, "(N, ...)", X=X, y=y)
    if len(X) == 0 or len(X) != len(y):
        raise ValueError(f"{where}: got {len(X)} rows and {len(y)} targets, expected as many of both, at least one")
    devices = {str(p.device) for p in model.parameters()} or {str(X.device)}
    if devices | {str(y.device)} != {str(X.device)}:
        raise ValueError(
            f"{where}: got the model on {', '.join(sorted(devices))}, X on {X.device}, y on {y.device}, "
            "expected one device; move them with .to(device)"
        )
    first = model[0] if isinstance(model, nn.Sequential) and len(model) else model
    if isinstance(first, nn.Linear):
        if X.shape[-1] != first.in_features:
            raise ValueError(
                f"{where}: got X of shape {tuple(X.shape)} for a first layer of {first.in_features} inputs, "
                f"expected (N, {first.in_features}); flatten images with X.flatten(1)"
            )
        if X.dtype != first.weight.dtype:
            raise ValueError(
                f"{where}: got X of dtype {X.dtype} for weights of dtype {first.weight.dtype}, expected the same; "
                f"use X.to({first.weight.dtype})"
            )
