"""What a training run leaves behind: its history as plain lists, and the error of a run that went astray."""

import math
from dataclasses import dataclass, field

__all__ = ["Diverged", "History"]


@dataclass
class History:
    """What a training run leaves behind, as plain lists.

    ``step_loss`` has one minibatch loss for each step; ``train_loss`` (mean over the epoch's samples, while the
    weights move), ``val_loss``, ``val_accuracy`` (empty without validation data) and ``lr`` (of the epoch's last
    step) have one entry for each epoch. ``stopped_early`` says whether patience ran out, ``interrupted`` whether
    someone stopped the run. ``dataclasses.asdict`` makes a dict of it, ``nnutils.plots.history`` a figure.

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
    interrupted: bool = False

    def trim(self, *, validated: bool) -> None:
        """Drop the entries of an epoch that did not come to its end, so that all columns are of one length."""
        columns = [self.train_loss, self.lr, *([self.val_loss, self.val_accuracy] if validated else [])]
        shortest = min(map(len, columns))
        for column in columns:
            del column[shortest:]


class Diverged(ArithmeticError):
    """The loss of a step was nan or infinite; ``history`` is what there was of the run, ``step`` that step's number.

    Examples
    --------
    >>> Diverged(History(step_loss=[2.3, 50.0, math.inf], train_loss=[math.inf], lr=[10.0])).step
    2
    """

    def __init__(self, history: History) -> None:
        losses = history.step_loss
        self.history, self.step = history, next(i for i, loss in enumerate(losses) if not math.isfinite(loss))
        before = losses[: self.step]
        if not before:
            cause = "it is the first loss: look for nan in the data, in the initial weights, for a log of 0 in loss_fn"
        elif before[-1] > 2 * before[0]:
            cause = (
                f"it had grown from {before[0]:.3g} to {before[-1]:.3g}: the learning rate, {history.lr[-1]:.3g}, is "
                "too high; try a tenth of it"
            )
        else:
            cause = (
                f"it was {before[-1]:.3g} one step before: look for nan in the data, for a log of 0 or a division by 0 "
                "(torch.autograd.set_detect_anomaly(True) names the operation), or lower the learning rate, "
                f"{history.lr[-1]:.3g}"
            )
        super().__init__(
            f"fit: the loss of step {self.step} (epoch {len(history.train_loss)}) is {losses[self.step]}; {cause}"
        )

    def __reduce__(self) -> tuple[type["Diverged"], tuple[History]]:
        """Say how to make the error anew, which is how one process hands it to another."""
        return type(self), (self.history,)
