"""Write a training run to a folder that TensorBoard shows: ``tensorboard --logdir FOLDER``.

An option: the package ``tensorboard`` is no dependency of nnutils and is imported when a logger is made.
"""

import os
from pathlib import Path
from types import TracebackType

import torch
from torch import nn

from nnutils.train import History

__all__ = ["TensorBoardLogger"]


class TensorBoardLogger:
    """Write losses, accuracy, learning rate and, where asked, the parameters after each epoch of ``train.fit``.

    The logger is what ``fit`` takes as ``on_epoch``. The scalars are called ``train_loss``, ``val_loss``,
    ``val_accuracy`` and ``lr``, as in ``train.History``; what a run does not have is left out. It is also a context
    manager that closes itself.

    Parameters
    ----------
    folder : str or Path
        Where the event file goes; made if it is not there. One folder for each run: TensorBoard compares the folders
        below ``--logdir``.
    histograms : bool
        Also write a histogram of each parameter (its finite entries) after each epoch.

    Raises
    ------
    ImportError
        The package ``tensorboard`` is not installed.
    RuntimeError
        The folder cannot be written.

    Examples
    --------
    >>> from nnutils.train import fit
    >>> def fit_and_log(model, data, optimizer):
    ...     with TensorBoardLogger("runs/adam") as logger:
    ...         return fit(model, data, optimizer=optimizer, epochs=10, on_epoch=logger)
    """

    def __init__(self, folder: str | Path, *, histograms: bool = False) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise ImportError(
                "TensorBoardLogger: the package tensorboard is not installed; install it with: pip install tensorboard"
            ) from None
        self.histograms = histograms
        try:
            self._writer = SummaryWriter(os.fspath(folder))  # type: ignore[no-untyped-call]
        except OSError as error:
            raise RuntimeError(
                f"TensorBoardLogger: cannot write to {folder} ({error.strerror}); give it another folder"
            ) from None

    def __call__(self, epoch: int, history: History, model: nn.Module) -> None:
        """Write the last entries of the history, and the parameters, as step ``epoch`` (from 0)."""
        for name in ("train_loss", "val_loss", "val_accuracy", "lr"):
            values = getattr(history, name)
            if values:
                self._writer.add_scalar(name, values[-1], epoch)
        if self.histograms:
            for name, p in model.named_parameters():
                finite = p.detach()[torch.isfinite(p.detach())]
                # TensorBoard refuses an empty histogram, and one run that diverges must not end the training
                if finite.numel():
                    self._writer.add_histogram(name, finite, epoch)
        self._writer.flush()

    def close(self) -> None:
        """Write what is left and close the file; to close twice does no harm."""
        self._writer.close()

    def __enter__(self) -> "TensorBoardLogger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
