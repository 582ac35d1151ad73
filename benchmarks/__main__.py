"""``make benchmark``: what the course costs beside what one would use instead, as ratios within one run.

Every figure is the median of interleaved rounds of process CPU time on one thread, which is steady while other work
runs; what happens in a sandbox is measured by the clock on the wall. A ratio above its budget makes the run fail.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import nnutils
from nnutils import blocks, train

ROUNDS = 5
IMPORT_ROUNDS = 3
# Seconds that ``import nnutils`` may add to ``import torch``.
ADDED = 0.15
# How many times as long as torch alone a room may take that draws: Matplotlib, the widgets and IPython come along.
BUDGETS = {"nnutils.plots": 1.6, "nnutils.figures": 1.5}


def import_seconds(module: str) -> tuple[float, float]:
    """CPU seconds that a fresh process needs for torch and a module after it, and for torch alone."""
    code = (
        f"import time; start = time.process_time(); import torch; between = time.process_time(); import {module}; "
        "print(time.process_time() - start, between - start)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    both, torch_alone = map(float, done.stdout.split())
    return both, torch_alone


def steps_by_dataloader(model: nn.Module, X: torch.Tensor, y: torch.Tensor) -> None:
    """The usual loop: TensorDataset, DataLoader, ``loss.item()`` at each step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for inputs, targets in DataLoader(TensorDataset(X, y), batch_size=64, shuffle=True):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), targets)
        loss.backward()
        optimizer.step()
        loss.item()


def steps_by_fit(model: nn.Module, X: torch.Tensor, y: torch.Tensor) -> None:
    """The same epoch by ``nnutils.train.fit``."""
    train.fit(model, (X, y), optimizer=torch.optim.SGD(model.parameters(), lr=0.1), epochs=1, progress=False)


def cpu_seconds(run: Callable[..., None], *layers: int) -> float:
    torch.manual_seed(0)
    model = blocks.mlp(*layers)
    X, y = torch.randn(20_000, layers[0]), torch.randint(0, layers[-1], (20_000,))
    start = time.process_time()
    run(model, X, y)
    return time.process_time() - start


def report(what: str, ours: list[float], theirs: list[float], budget: float) -> bool:
    """Print medians and their ratio; True when the ratio is within the budget."""
    a, b = statistics.median(ours), statistics.median(theirs)
    good = a / b <= budget
    print(f"{what:<58} {a:7.3f} s {b:7.3f} s   ratio {a / b:5.2f} (budget {budget}){'' if good else '  TOO SLOW'}")
    return good


def report_imports() -> bool:
    """Print what nnutils and each of its rooms add to ``import torch``; True when all are within their budgets."""
    names = ["nnutils", *(f"nnutils.{room}" for room in nnutils.__all__)]
    rounds = [{name: import_seconds(name) for name in names} for _ in range(IMPORT_ROUNDS)]
    torch_alone = statistics.median(seconds for one in rounds for _, seconds in one.values())
    budgets = {"nnutils": round(1 + ADDED / torch_alone, 3), **BUDGETS}
    good = True
    for name in names:
        both, alone = map(list, zip(*(one[name] for one in rounds), strict=True))
        good &= report(f"import torch, {name} / import torch", both, alone, budget=budgets.get(name, 1.1))
    return good


def report_grading() -> bool:
    """Print how soon a submission's code can run, its process forked by a nursery or started by bubblewrap."""
    from benchmarks import grading

    if why := grading.problem():
        print(f"no sandbox, not measured: {why}")
        return True
    what = "first cell of a submission has run: forked / started"
    return report(what, *map(list, zip(*grading.first_cells(IMPORT_ROUNDS), strict=True)), budget=0.25)


def main() -> int:
    torch.set_num_threads(1)
    print(f"{'median CPU seconds of ' + str(ROUNDS) + ' interleaved rounds':<58} {'ours':>9} {'other':>9}")
    good = report_imports()
    if find_spec("autograder"):  # the students' tree has none
        good &= report_grading()
    for layers in ((784, 128, 10), (2, 64, 64, 2)):
        pairs = [(cpu_seconds(steps_by_fit, *layers), cpu_seconds(steps_by_dataloader, *layers)) for _ in range(ROUNDS)]
        name = "-".join(map(str, layers))
        good &= report(f"one epoch of {name}: fit / DataLoader loop", *map(list, zip(*pairs, strict=True)), budget=1.0)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
