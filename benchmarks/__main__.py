"""``make benchmark``: what the course costs beside what one would use instead, as ratios within one run.

Every figure is the median of interleaved rounds of process CPU time on one thread, which is steady while other work
runs; what happens in a sandbox is measured by the clock on the wall. A ratio above its budget makes the run fail.
"""

import statistics
import subprocess
import sys
from importlib.util import find_spec

import nnutils
from benchmarks import training

ROUNDS = 3
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


def report(what: str, ours: list[float], theirs: list[float], budget: float) -> bool:
    """Print medians and their ratio; True when the ratio is within the budget."""
    a, b = statistics.median(ours), statistics.median(theirs)
    good = a / b <= budget
    print(f"{what:<58} {a:7.3f} s {b:7.3f} s   ratio {a / b:5.2f} (budget {budget}){'' if good else '  TOO SLOW'}")
    return good


def report_imports() -> bool:
    """Print what nnutils and each of its rooms add to ``import torch``; True when all are within their budgets."""
    names = ["nnutils", *(f"nnutils.{room}" for room in nnutils.__all__)]
    rounds = [{name: import_seconds(name) for name in names} for _ in range(ROUNDS)]
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
    return report(what, *map(list, zip(*grading.first_cells(ROUNDS), strict=True)), budget=0.25)


def main() -> int:
    print(f"{'median CPU seconds of ' + str(ROUNDS) + ' interleaved rounds':<58} {'ours':>9} {'other':>9}")
    good = report_imports()
    if find_spec("autograder"):  # the students' tree has none
        good &= report_grading()
    good &= training.main([]) == 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
