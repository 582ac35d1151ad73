"""A plain training loop: minibatches, history, validation, early stopping, a progress bar.

The data stay on the device as two tensors and a batch is a slice of one permutation; losses are summed on the device
and read once an epoch, because reading a number from a GPU waits for the GPU.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm.auto import tqdm

from nnutils.data import Split

__all__ = ["History", "evaluate", "fit", "minibatches"]

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass
class History:
    """What a training run leaves behind, as plain lists.

    ``step_loss`` has one minibatch loss for each step; ``train_loss`` (mean over the epoch's samples, while the
    weights move), ``val_loss``, ``val_accuracy`` (empty without validation data) and ``lr`` (of the epoch's last
    step) have one entry for each epoch. ``stopped_early`` says whether patience ran out.
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
    if len(X) != len(y):
        raise ValueError(f"minibatches: got {len(X)} rows and {len(y)} targets, expected as many of both")
    if batch_size < 1:
        raise ValueError(f"minibatches: got batch_size={batch_size}, expected 1 or more")
    for rows in torch.randperm(len(X), generator=generator).to(X.device).split(batch_size):
        yield X[rows], y[rows]


@torch.inference_mode()
def evaluate(
    model: nn.Module, X: Tensor, y: Tensor, *, loss_fn: Loss = F.cross_entropy, batch_size: int = 1000
) -> tuple[float, float]:
    """Return mean loss and accuracy over all samples, in evaluation mode; the model's mode comes back as it was.

    The mean is over samples, not over batches, so that a shorter last batch weighs what it should. ``loss_fn`` must
    average over its batch.
    """
    if len(X) == 0:
        raise ValueError("evaluate: got no samples, expected at least one")
    modes = {module: module.training for module in model.modules()}
    model.eval()
    loss, hits = torch.zeros((), device=X.device), torch.zeros((), device=X.device)
    for inputs, targets in zip(X.split(batch_size), y.split(batch_size), strict=True):
        logits = model(inputs)
        loss += loss_fn(logits, targets) * len(inputs)
        hits += (logits.argmax(1) == targets).sum()
    for module, mode in modes.items():
        module.training = mode
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
        Stop when the validation loss has not improved for this many epochs, and put the best weights back.
    generator : torch.Generator, optional
        CPU generator that shuffles the batches.

    Raises
    ------
    ValueError
        Wrong shapes, no validation data for early stopping, an optimizer built for another model, or model and data
        on different devices.
    """
    if isinstance(data, Split):
        X, y = data.X_train, data.y_train
        validation = validation or (data.X_val, data.y_val)
    else:
        X, y = data
    _check(model, X, y, optimizer, validation, patience, epochs)
    history, step = History(), 0
    best, best_weights, waited = float("inf"), copy.deepcopy(model.state_dict()), 0
    model.train()
    with tqdm(total=epochs, unit="epoch", disable=not progress) as bar:
        for _ in range(epochs):
            losses: list[Tensor] = []
            sizes: list[int] = []
            for inputs, targets in minibatches(X, y, batch_size, generator):
                if schedule is not None:
                    for group in optimizer.param_groups:
                        group["lr"] = schedule(step)
                optimizer.zero_grad()
                loss = loss_fn(model(inputs), targets)
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
            if validation is None:
                continue
            val_loss, val_accuracy = evaluate(model, *validation, loss_fn=loss_fn)
            history.val_loss.append(val_loss)
            history.val_accuracy.append(val_accuracy)
            if patience is None:
                continue
            if val_loss < best:
                best, best_weights, waited = val_loss, copy.deepcopy(model.state_dict()), 0
            else:
                waited += 1
            if waited >= patience:
                history.stopped_early = True
                break
    if patience is not None:
        model.load_state_dict(best_weights)
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
    if len(X) == 0 or len(X) != len(y):
        raise ValueError(f"fit: got {len(X)} rows and {len(y)} targets, expected as many of both, at least one")
    if epochs < 1:
        raise ValueError(f"fit: got epochs={epochs}, expected 1 or more")
    if patience is not None and (validation is None or patience < 1):
        raise ValueError(f"fit: got patience={patience}, expected 1 or more epochs together with validation data")
    parameters = {id(p): p for p in model.parameters()}
    if not any(id(p) in parameters for group in optimizer.param_groups for p in group["params"]):
        raise ValueError("fit: the optimizer holds no parameter of this model; build it from model.parameters()")
    devices = {p.device for p in parameters.values()}
    if X.device not in devices or y.device != X.device:
        where = ", ".join(sorted(str(device) for device in devices))
        raise ValueError(
            f"fit: model on {where}, X on {X.device}, y on {y.device}, expected one device; use .to(device)"
        )
