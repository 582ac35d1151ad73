"""A training run on disk: everything that decides how it goes on, so that a killed run ends as an unbroken one would.

That is more than the weights: buffers, the optimizer's state, the scheduler's, the history, how long early stopping has
waited and for which weights, and the generators of random numbers: PyTorch's, NumPy's, Python's, the one that shuffles
and those that layers hold. A file is written whole or not at all, and read without pickle's power to run code.
"""

import os
import pickle
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nnutils.history import History
from nnutils.regularization import EarlyStopping

__all__ = ["Checkpoint"]


class Checkpoint:
    """The file of one run, and the parts that go into it.

    Parameters
    ----------
    path : str or Path
    recipe : dict
        What must be as it was for the run to go on: sizes, names.
    generators : dict of str to torch.Generator, optional
        What shuffles the batches.

    Examples
    --------
    >>> import tempfile
    >>> model, folder = nn.Linear(1, 1), tempfile.mkdtemp()
    >>> optimizer = torch.optim.Adam(model.parameters())
    >>> one = Checkpoint(Path(folder, "run.pt"), {"batch_size": 64}, model, optimizer, History(train_loss=[0.5]))
    >>> one.save()
    >>> other = Checkpoint(Path(folder, "run.pt"), {"batch_size": 64}, model, optimizer, History())
    >>> other.load(), other.history.train_loss
    (True, [0.5])
    """

    def __init__(
        self,
        path: str | Path,
        recipe: dict[str, Any],
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        history: History,
        *,
        schedule: object = None,
        stopping: EarlyStopping | None = None,
        generators: dict[str, torch.Generator] | None = None,
    ) -> None:
        self.model, self.optimizer, self.history = model, optimizer, history
        self.schedule, self.stopping = schedule, stopping
        self.generators = {
            f"{name}.{key}": value
            for name, module in model.named_modules()
            for key, value in vars(module).items()
            if isinstance(value, torch.Generator)
        }
        self.generators |= generators or {}
        self.path = Path(path)
        self.recipe = {
            **recipe,
            "optimizer": type(optimizer).__name__,
            "schedule": "" if schedule is None else type(schedule).__name__,
            "patience": "a number" if stopping is not None else "",
            "generators": ", ".join(sorted(self.generators)),
        }

    def save(self) -> None:
        """Write the run as it is now; the file before it stays until the new one is whole."""
        keep = self.stopping
        content = {
            "recipe": self.recipe,
            "model": self.model.state_dict(),
            "buffers": dict(self.model.named_buffers()),
            "optimizer": _plain(self.optimizer.state_dict()),
            "schedule": _plain(self.schedule.state_dict()) if hasattr(self.schedule, "state_dict") else None,
            "history": _plain(asdict(self.history)),
            "stopping": keep and {"best": keep.best, "waited": keep.waited, "weights": keep.weights},
            "generators": {name: generator.get_state() for name, generator in self.generators.items()},
            "random": _random_states(),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_name(self.path.name + ".partial")
        with partial.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.path)

    def load(self) -> bool:
        """Put everything back as the file has it; False where there is no file.

        Raises
        ------
        ValueError
            The file is of another run, or no checkpoint.
        """
        if not self.path.exists():
            return False
        try:
            content = torch.load(self.path, map_location="cpu", weights_only=True)
            recipe = content["recipe"]
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError) as error:
            raise ValueError(
                f"checkpoint: {self.path} cannot be read ({type(error).__name__}); give another path, or move it away "
                "to begin anew"
            ) from None
        for key in self.recipe.keys() | recipe.keys():
            given, kept = (one.get(key) or "none" for one in (self.recipe, recipe))
            if given != kept:
                raise ValueError(
                    f"checkpoint: got {key} {given}, expected {kept} as in {self.path}; pass the same as before, or "
                    "move the file away to begin anew"
                )
        try:
            self.model.load_state_dict(content["model"])
        except RuntimeError as error:
            raise ValueError(
                f"checkpoint: got another model than that of {self.path} ({str(error).splitlines()[-1].strip()}); "
                "pass the same as before, or move the file away to begin anew"
            ) from None
        with torch.no_grad():
            for name, buffer in self.model.named_buffers():  # also those that a state_dict leaves out
                buffer.copy_(content["buffers"][name])
        self.optimizer.load_state_dict(content["optimizer"])
        if hasattr(self.schedule, "load_state_dict"):
            self.schedule.load_state_dict(content["schedule"])
        vars(self.history).update(content["history"])
        if self.stopping is not None:
            vars(self.stopping).update(content["stopping"])
        for name, generator in self.generators.items():
            generator.set_state(content["generators"][name])
        _set_random_states(content["random"])
        return True


def _plain(value: Any) -> Any:
    """Return a nest of dicts and lists with NumPy's numbers as Python's, which is what a file may hold."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_plain(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value


def _random_states() -> dict[str, Any]:
    kind, keys, *rest = np.random.get_state(legacy=True)
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "mps": torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
        "numpy": (kind, np.asarray(keys).tolist(), *rest),
        "python": random.getstate(),
    }


def _set_random_states(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["torch"])
    if torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])
    if torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])
    np.random.set_state(states["numpy"])
    random.setstate(states["python"])
