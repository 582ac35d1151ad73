"""A plain training loop: minibatches, history, validation, early stopping, a progress bar.

The data stay on the device as two tensors, and a batch is a slice of one permutation; only data that do not fit come
from a DataLoader. Losses stay on the device and are read once an epoch: to read a number is to wait for the GPU.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import CyclicLR, LRScheduler, OneCycleLR, ReduceLROnPlateau
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from nnutils.arguments import nonnegative, same_device, samples_for, shape, targets_of, whole
from nnutils.checkpoints import Checkpoint
from nnutils.data import Split
from nnutils.history import Diverged, History
from nnutils.regularization import EarlyStopping
from nnutils.steps import Eager, Pure

__all__ = ["evaluate", "fit", "keep_modes", "minibatches"]

Loss = Callable[[Tensor, Tensor], Tensor]


def minibatches(
    X: Tensor, y: Tensor, batch_size: int, generator: torch.Generator | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield one epoch of shuffled batches, X and y by the same permutation, the last batch too if it is shorter.

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
    order = torch.randperm(len(X), generator=generator).to(X.device)
    # small batches are gathered many at a time, up to 64 kB, which fit the cache
    together = max(1, 2**16 // max(1, batch_size * X[:1].numel() * X.element_size()))
    for rows in order.split(together * batch_size):
        yield from zip(X[rows].split(batch_size), y[rows].split(batch_size), strict=True)


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


@torch.no_grad()
def evaluate(
    model: nn.Module, X: Tensor, y: Tensor, *, loss_fn: Loss = F.cross_entropy, batch_size: int = 1000
) -> tuple[float, float]:
    """Return mean loss and accuracy over all samples, computed in evaluation mode.

    The mode of every module comes back as it was, also when the model raises. The mean is over samples, not over
    batches, so that a shorter last batch weighs what it should. ``loss_fn`` must average over its batch. The accuracy
    is nan where targets are not class indices (int64 of shape ``(N,)``).

    Raises
    ------
    ValueError
        No samples, wrong shapes or dtypes, targets that are not class indices of the model's outputs, or model and data
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
    samples_for("evaluate", model, X, y)
    loss: Tensor | float = 0.0
    hits: Tensor | float = 0.0
    with keep_modes(model):
        model.eval()
        for i, (inputs, targets) in enumerate(zip(X.split(batch_size), y.split(batch_size), strict=True)):
            logits = model(inputs)
            if i == 0:
                targets_of("evaluate", logits, y, loss_fn)
            mean = loss_fn(logits, targets)
            loss += mean.to(torch.promote_types(mean.dtype, torch.float32)) * len(inputs)
            labelled = y.dtype == torch.int64 and y.ndim == 1 and logits.ndim == 2
            hits += (logits.argmax(1) == targets).sum() if labelled else math.nan
    return float(loss) / len(X), float(hits) / len(X)


def fit(
    model: nn.Module,
    data: Split | tuple[Tensor, Tensor] | DataLoader[Any],
    *,
    optimizer: torch.optim.Optimizer,
    epochs: int,
    loss_fn: Loss = F.cross_entropy,
    batch_size: int = 64,
    validation: tuple[Tensor, Tensor] | None = None,
    schedule: Callable[[int], float] | LRScheduler | None = None,
    patience: int | None = None,
    on_epoch: Callable[[int, History, nn.Module], object] | None = None,
    generator: torch.Generator | None = None,
    checkpoint: str | Path | None = None,
    compile: bool = False,
    capture: bool = False,
    autocast: torch.dtype | None = None,
    progress: bool = True,
) -> History:
    """Train a model in place and return the history.

    Ctrl-C (the stop button) ends the training, not the program: the model keeps what it has learnt (under ``patience``
    its best weights, if an epoch was evaluated), and the history comes back with ``interrupted=True``. Every module is
    in training mode afterwards.

    Parameters
    ----------
    data : Split, (X, y) or DataLoader
        Training samples ``(N, ...)`` and targets ``(N,)`` on the model's device; a Split brings its validation part
        along. A DataLoader is for data that does not fit there: its batches are moved one by one, and the arguments
        ``batch_size`` and ``generator`` have no effect.
    optimizer : torch.optim.Optimizer
        PyTorch's or one of ``nnutils.optim``, built for this model's parameters.
    epochs : int
        The number of epochs in all, those in a checkpoint included.
    loss_fn : callable
        From outputs and targets of a batch to the mean loss of its samples.
    validation : (X, y), optional
        Evaluated after each epoch, in evaluation mode and without ``autocast``.
    schedule : callable or LRScheduler, optional
        A function from the step number (from 0, counted over batches) to the learning rate of that step, the same for
        all groups of the optimizer; see ``nnutils.schedules``. Or one of PyTorch's schedulers, stepped as its
        documentation says: OneCycleLR and CyclicLR after each step, ReduceLROnPlateau after each epoch with the
        validation loss, any other after each epoch, so that StepLR counts epochs and ``step_decay`` steps.
    patience : int, optional
        Stop when the validation loss has not improved for this many epochs; put the best weights back at the end,
        however it comes.
    on_epoch : callable, optional
        Called after each epoch with its number (from 0), the history so far and the model, in training mode: to log,
        to draw, to save.
    generator : torch.Generator, optional
        CPU generator that shuffles the batches.
    checkpoint : path, optional
        File that is written after each epoch, after ``on_epoch``. If it is there at the beginning, the run goes on
        after its last whole epoch; on the CPU the result is that of an unbroken run, bit for bit. Batch size, number of
        samples, the types of optimizer and schedule, and whether there is patience and a generator must be as before.
        The optimizer's hyperparameters come from the file: for another learning rate, begin anew with another file.
    compile, capture : bool
        Run each step as one compiled function, or as one CUDA graph; see ``nnutils.steps.Pure``.
    autocast : torch.dtype, optional
        Compute the products in this dtype: ``torch.bfloat16``.

    Raises
    ------
    ValueError
        Wrong shapes or dtypes, targets that are not class indices of the model's outputs (looked for in tensors, with
        cross-entropy), no validation data for early stopping, an optimizer built for another model, model and data on
        different devices, or a checkpoint of another run.
    Diverged
        The loss of a step was nan or infinite. Losses are read once an epoch, so the error comes at the end of the
        epoch. The model is left as it is, under ``patience`` with its best weights.

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
        validation = (data.X_val, data.y_val) if validation is None else validation
        data = data.X_train, data.y_train
    batches = _Batches(data if isinstance(data, DataLoader) else _pair("data", data), batch_size, generator)
    _check(model, batches.source, optimizer, validation, patience, epochs, batch_size, schedule, loss_fn)
    rate = _Rate(schedule, optimizer)
    history, stopping = History(), EarlyStopping(patience) if patience is not None else None
    saved = None
    if checkpoint is not None:
        saved = Checkpoint(
            checkpoint, batches.recipe(), model, optimizer, history,
            schedule=schedule, stopping=stopping, generators=batches.generators(),
        )  # fmt: skip
        saved.load()
        if stopping is not None:  # the patience may be another one than before
            history.stopped_early = stopping.waited >= stopping.patience
    step: Eager | Pure
    if compile or capture:
        step = Pure(model, optimizer, loss_fn, compile=compile, capture=capture, autocast=autocast)
    else:
        step = Eager(model, optimizer, loss_fn, autocast=autocast)
    done, size, grad_mode = len(history.train_loss), batches.count(), torch.is_grad_enabled()
    last = done if history.stopped_early else epochs
    with tqdm(total=epochs * size or None, initial=done * size, unit="step", disable=not progress) as bar:
        try:
            for epoch in range(done, last):
                bar.set_description(f"epoch {epoch + 1}/{epochs}", refresh=False)
                model.train()
                _epoch(step, batches, rate, history, bar)
                if validation is not None:
                    val_loss, val_accuracy = evaluate(model, *validation, loss_fn=loss_fn)
                    history.val_loss.append(val_loss)
                    history.val_accuracy.append(val_accuracy)
                    if stopping is not None:
                        history.stopped_early = stopping.update(val_loss, model)
                rate.after_epoch(history)
                if on_epoch is not None:
                    on_epoch(epoch, history, model)
                if saved is not None:
                    saved.save()
                if history.stopped_early:
                    break
        except KeyboardInterrupt:
            history.interrupted = True
            history.trim(validated=validation is not None)
            kept = "has its best weights" if stopping and stopping.weights else "keeps what it has learnt"
            bar.write(f"fit: interrupted after {len(history.step_loss)} steps; the model {kept}")
        finally:
            torch.set_grad_enabled(grad_mode)  # Ctrl-C at the end of a torch.no_grad can leave gradients off
            if stopping is not None and stopping.weights is not None:
                stopping.restore(model)
            model.train()
    return history


def _epoch(step: Eager | Pure, batches: "_Batches", rate: "_Rate", history: History, bar: Any) -> None:
    """Take a step for each batch; the losses stay on the device until the epoch is over."""
    losses: list[Tensor] = []
    sizes: list[int] = []
    before = len(history.step_loss)
    try:
        with step:  # within, parameters may be views of one vector: see steps.Eager
            for inputs, targets in batches.on(step.device):
                rate.before_step(before + len(losses))
                losses.append(step(inputs, targets))
                sizes.append(inputs.shape[0])
                rate.after_step()
                bar.update()
    finally:
        # the one place in an epoch's steps that waits for the device
        history.step_loss += torch.stack(losses).flatten().tolist() if losses else []
    if not losses:
        raise ValueError(
            "fit: got data without a batch, expected at least one in each epoch; drop_last drops a batch that is "
            "short, and some data can be read only once"
        )
    values = history.step_loss[before:]
    history.train_loss.append(sum(v * n for v, n in zip(values, sizes, strict=True)) / sum(sizes))
    history.lr.append(float(rate.last))
    if not all(map(math.isfinite, values)):
        raise Diverged(history)
    bar.set_postfix(loss=f"{history.train_loss[-1]:.3g}", refresh=False)


class _Batches:
    """The batches of an epoch, of tensors on the device or of a DataLoader."""

    def __init__(
        self, source: tuple[Tensor, Tensor] | DataLoader[Any], batch_size: int, generator: torch.Generator | None
    ) -> None:
        self.source, self.batch_size, self.generator = source, batch_size, generator

    def count(self) -> int:
        """Return how many batches an epoch has; 0 if nobody knows."""
        if not isinstance(self.source, DataLoader):
            return math.ceil(len(self.source[0]) / self.batch_size)
        return len(self.source) if hasattr(self.source.dataset, "__len__") else 0

    def on(self, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        if not isinstance(self.source, DataLoader):
            yield from minibatches(*self.source, self.batch_size, self.generator)
            return
        for batch in self.source:
            inputs, targets = _pair("a batch", batch)
            yield inputs.to(device, non_blocking=True), targets.to(device, non_blocking=True)

    def recipe(self) -> dict[str, Any]:
        """Return what a run that goes on must have in common with the one before."""
        if isinstance(self.source, DataLoader):
            return {"batch_size": self.source.batch_size, "batches": self.count()}
        return {"batch_size": self.batch_size, "samples": len(self.source[0])}

    def generators(self) -> dict[str, torch.Generator]:
        """Return what shuffles."""
        holders = [self.source, self.source.sampler] if isinstance(self.source, DataLoader) else [self]
        names = ("loader", "sampler") if isinstance(self.source, DataLoader) else ("generator",)
        found = {name: getattr(one, "generator", None) for name, one in zip(names, holders, strict=True)}
        return {name: one for name, one in found.items() if isinstance(one, torch.Generator)}


class _Rate:
    """The learning rate over a run: by a function of the step, by a scheduler of PyTorch's, or as it is."""

    def __init__(self, schedule: Callable[[int], float] | LRScheduler | None, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer, self.last = optimizer, math.nan
        self.function = schedule if callable(schedule) else None
        self.by_step = schedule if isinstance(schedule, OneCycleLR | CyclicLR) else None
        self.by_loss = schedule if isinstance(schedule, ReduceLROnPlateau) else None
        counted = isinstance(schedule, LRScheduler) and not (self.by_step or self.by_loss)
        self.by_epoch = schedule if counted else None

    def before_step(self, number: int) -> None:
        groups = self.optimizer.param_groups
        if self.function is not None:
            rate = self.function(number)
            nonnegative("fit", **{f"schedule({number})": rate})
            for group in groups:
                group["lr"] = float(rate)
        self.last = groups[0]["lr"]

    def after_step(self) -> None:
        if self.by_step is not None:
            self.by_step.step()

    def after_epoch(self, history: History) -> None:
        if self.by_epoch is not None:
            self.by_epoch.step()  # type: ignore[union-attr]
        if self.by_loss is not None:
            self.by_loss.step(history.val_loss[-1])


def _check(
    model: nn.Module,
    source: tuple[Tensor, Tensor] | DataLoader[Any],
    optimizer: torch.optim.Optimizer,
    validation: tuple[Tensor, Tensor] | None,
    patience: int | None,
    epochs: int,
    batch_size: int,
    schedule: object,
    loss_fn: Loss,
) -> None:
    whole("fit", 1, epochs=epochs, batch_size=batch_size)
    for where, name, given in (("fit", "data", source), ("fit, validation", "validation", validation)):
        if given is not None and not isinstance(given, DataLoader):
            X, y = _pair(name, given)
            samples_for(where, model, X, y)
            with keep_modes(model), torch.no_grad(), torch.random.fork_rng([X.device] if X.is_cuda else []):
                targets_of(where, model.eval()(X[:batch_size]), y, loss_fn)
    if isinstance(schedule, ReduceLROnPlateau) and validation is None:
        raise ValueError("fit: got ReduceLROnPlateau without validation data, expected both; pass validation=(X, y)")
    if schedule is not None and not callable(schedule) and not isinstance(schedule, LRScheduler):
        raise ValueError(f"fit: got {schedule!r} as schedule, expected a function of the step number or an LRScheduler")
    if isinstance(optimizer, torch.optim.LBFGS):
        raise ValueError(
            "fit: got LBFGS, which evaluates the loss several times a step, expected an optimizer that does it once"
        )
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
    if not isinstance(given, tuple | list):
        raise ValueError(f"fit: got {name} of type {type(given).__name__}, expected a pair of tensors (X, y)")
    if len(given) != 2:
        raise ValueError(f"fit: got {name} of {len(given)} parts, expected a pair of tensors (X, y)")
    return given[0], given[1]
