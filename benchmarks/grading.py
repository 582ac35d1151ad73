"""What grading costs: how soon a submission's code runs in its sandbox."""

import time
from pathlib import Path

from autograder.sandbox import problem
from autograder.student import Sandboxed
from autograder.warm import Nursery

__all__ = ["first_cells", "problem"]

CELL = "import torch, torch.optim, matplotlib.pyplot, sklearn.datasets"


def first_cells(rounds: int) -> list[tuple[float, float]]:
    """Return for each round the seconds until the first cell has run: forked by a nursery, started by bubblewrap."""
    with Nursery() as nursery:
        _seconds(nursery.place)  # its imports
        return [(_seconds(nursery.place), _seconds(None)) for _ in range(rounds)]


def _seconds(place: Path | None) -> float:
    start = time.perf_counter()
    with Sandboxed(CELL, nursery=place) as student:
        if any(report.kind for report in student.run().values()):
            raise RuntimeError(f"the cell did not run: {student.reports}")
        return time.perf_counter() - start
