"""What the chapters, labs and solutions of the course import: small readable modules over PyTorch.

Each module is a room for one concept. A room is loaded when it is first used, so that ``import nnutils`` costs next
to nothing, and ``nnutils.optim.Adam`` works without another import. Rooms import one way, from the bottom up:
``arguments`` and ``device`` import no other room, no room imports ``figures``.

Examples
--------
>>> import nnutils
>>> nnutils.schedules.step_decay(2, 0.1, 0.5, 2)
0.05
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nnutils import (
        activations,
        arguments,
        autograd,
        blocks,
        checkpoints,
        checks,
        data,
        device,
        diagnostics,
        doctor,
        evaluate,
        figures,
        flat,
        history,
        init,
        interpret,
        losses,
        normalization,
        optim,
        plots,
        regularization,
        schedules,
        search,
        stacked,
        steps,
        tensorboard,
        train,
    )

__all__ = [
    "activations",
    "arguments",
    "autograd",
    "blocks",
    "checkpoints",
    "checks",
    "data",
    "device",
    "diagnostics",
    "doctor",
    "evaluate",
    "figures",
    "flat",
    "history",
    "init",
    "interpret",
    "losses",
    "normalization",
    "optim",
    "plots",
    "regularization",
    "schedules",
    "search",
    "stacked",
    "steps",
    "tensorboard",
    "train",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> ModuleType:
    """Load a room on first use (PEP 562)."""
    if name in __all__:
        return import_module(f"{__name__}.{name}")
    import difflib

    near = difflib.get_close_matches(name, __all__, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    # with a name of its own the error gets no second suggestion from Python's traceback
    raise AttributeError(f"nnutils: got {name!r}, expected one of {', '.join(__all__)}{hint}", name=name)


def __dir__() -> list[str]:
    """List the rooms, loaded or not."""
    return sorted({*globals(), *__all__})
