"""Steps per second of ``nnutils`` beside the loops that one would write instead: one run, one table, one plot.

``python -m benchmarks.training`` takes about ten minutes on two cores. Each loop lives in a process of its own, on one
thread, and rounds of all loops of a net alternate; a figure is the median over rounds of CPU time (on a GPU: of wall
time). ``FLOORS`` says what must be reached; the run fails where it is not, and shows a profile that says why.
"""

import argparse
import contextlib
import json
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.contenders import NETS, K

ROUNDS = 7
RESULTS = Path(__file__).parent / "results"

LOOPS = {
    "A": ["dataloader", "torchvision", "lightning", "keras", "skorch", "eager", "compiled", "forward and backward"],
    "toy": ["one by one, plain loop", "one by one", "stacked", "stacked, compiled"],
}
LOOPS["A"].append("limit")
LOOPS["B"] = LOOPS["A"]
LOOPS["C"] = [loop for loop in LOOPS["A"] if loop not in ("torchvision", "limit")]
NARROW = ["bfloat16", "compiled, bfloat16"]
CAPTURED = ["captured", "compiled and captured"]

#: what a reader sees
SHOWN = {
    "dataloader": "DataLoader loop",
    "torchvision": "torchvision's data set",
    "lightning": "Lightning",
    "keras": "Keras",
    "limit": "limit: products, traffic",
    "forward and backward": "forward, backward alone",
    "eager": "train.fit",
    "compiled": "train.fit, compiled",
    "captured": "train.fit, captured",
    "compiled and captured": "train.fit, compiled, captured",
    "bfloat16": "train.fit, bfloat16",
    "compiled, bfloat16": "train.fit, compiled, bfloat16",
    "one by one": "train.fit, one by one",
    "one by one, plain loop": "plain loop, one by one",
    "stacked": "stacked.fit",
    "stacked, compiled": "stacked.fit, compiled",
    "stacked, captured": "stacked.fit, captured",
}

#: (net, loop, beside, at least so many times as fast)
FLOORS = [
    ("A", "eager", "dataloader", 1.0),
    ("A", "compiled", "dataloader", 1.4),
    ("A", "eager", "lightning", 1.4),
    ("A", "compiled", "lightning", 1.9),
    ("A", "eager", "torchvision", 2.5),
    ("A", "compiled", "torchvision", 3.4),
    ("A", "compiled", "limit", 0.85),
    ("B", "eager", "dataloader", 1.4),
    ("B", "compiled", "dataloader", 2.1),
    ("B", "eager", "lightning", 3.0),
    ("B", "compiled", "lightning", 4.7),
    ("B", "eager", "torchvision", 9.0),
    ("B", "compiled", "torchvision", 13.0),
    ("C", "eager", "dataloader", 2.0),
    ("C", "compiled", "dataloader", 5.0),
    ("C", "eager", "lightning", 6.5),
    ("C", "compiled", "lightning", 15.0),
    ("toy", "stacked", "one by one, plain loop", 20.0),
    ("toy", "stacked, compiled", "one by one, plain loop", 40.0),
]


@dataclass
class Row:
    """A loop on a net: seconds of its first round (imports, data, compiling) and of each round after it."""

    net: str
    loop: str
    first: float
    seconds: list[float]

    @property
    def steps_per_second(self) -> float:
        net = NETS[self.net]
        steps = net.batches * net.epochs * (K if self.net == "toy" else 1)
        return steps / statistics.median(self.seconds)


class Loop:
    """A loop's process, which works for one round whenever it is told to."""

    def __init__(self, name: str, net: str, device: str) -> None:
        command = [sys.executable, "-m", "benchmarks.contenders", name, net, device]
        self.name, self.errors = name, tempfile.TemporaryFile("w+")  # noqa: SIM115
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self.errors}
        self.process = subprocess.Popen(command, text=True, **pipes)  # type: ignore[call-overload]

    def answer(self) -> float:
        line = self.process.stdout.readline()
        if not line:
            self.errors.seek(0)
            raise RuntimeError(f"{self.name} ended: {self.errors.read()[-2000:]}")
        return float(json.loads(line))

    def round(self) -> float:
        self.process.stdin.write("go on\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.errors.close()


def measure(net: str, loops: list[str], device: str, rounds: int) -> list[Row]:
    """Let the loops take turns for so many rounds."""
    started: list[Loop] = []
    bar = tqdm(total=len(loops) * (1 + rounds), desc=f"net {net}", unit="round")
    try:
        rows = []
        for name in loops:  # one at a time, as the first round imports and compiles
            bar.set_postfix_str(name)
            started.append(Loop(name, net, device))
            rows.append(Row(net, name, started[-1].answer(), []))
            bar.update()
        for _ in range(rounds):
            for loop, row in zip(started, rows, strict=True):
                row.seconds.append(loop.round())
                bar.update()
    finally:
        bar.close()
        for loop in started:
            loop.close()
    return rows


def loops_of(net: str, device: str) -> list[str]:
    """Return the loops that can run here."""
    loops = [loop for loop in LOOPS[net] if loop not in ("lightning", "keras", "skorch") or find_spec(loop)]
    if net != "toy" and (device == "cuda" or torch.backends.cpu.get_cpu_capability() == "AVX512"):
        loops += NARROW
    if device == "cuda":
        loops += ["stacked, captured"] if net == "toy" else CAPTURED
    return loops


def machine(device: str) -> dict[str, str]:
    """Return what the figures depend on."""
    cpu = Path("/proc/cpuinfo")
    names = (
        [line.partition(": ")[2] for line in cpu.read_text().splitlines() if "model name" in line]
        if cpu.exists()
        else []
    )
    packages = [name for name in ("torch", "torchvision", "lightning", "keras", "skorch") if find_spec(name)]
    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else names[0] if names else platform.processor(),
        "cpu capability": torch.backends.cpu.get_cpu_capability(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def shown(loop: str) -> str:
    return SHOWN.get(loop, loop)


def table(rows: list[Row]) -> str:
    """Return the figures as Markdown, each loop beside (a) DataLoader, (b) torchvision, (c) Lightning."""
    speed = {(row.net, row.loop): row.steps_per_second for row in rows}
    lines = []
    for net in dict.fromkeys(row.net for row in rows):
        base = ["dataloader", "torchvision", "lightning"] if net != "toy" else ["one by one, plain loop", "one by one"]
        base = [loop for loop in base if (net, loop) in speed]
        layers = "-".join(map(str, NETS[net].layers))
        steps = "steps/s" if net != "toy" else f"model steps/s, {K} models"
        lines += [
            f"| {net}: {layers}, batch {NETS[net].batch_size} | {steps} | first round "
            f"| x {' | x '.join(map(shown, base))} |"
        ]
        lines += ["|---" + "|---:" * (2 + len(base)) + "|"]
        for row in (row for row in rows if row.net == net):
            ratios = " | ".join(f"{speed[net, row.loop] / speed[net, loop]:.2f}" for loop in base)
            lines.append(f"| {shown(row.loop)} | {row.steps_per_second:,.0f} | {row.first:.1f} s | {ratios} |")
        lines.append("")
    return "\n".join(lines)


def floors(rows: list[Row]) -> list[tuple[str, str, str, float, float]]:
    """Return each floor that this run could see, with what was reached."""
    speed = {(row.net, row.loop): row.steps_per_second for row in rows}
    return [
        (net, loop, beside, floor, speed[net, loop] / speed[net, beside])
        for net, loop, beside, floor in FLOORS
        if (net, loop) in speed and (net, beside) in speed
    ]


def plot(rows: list[Row], path: Path) -> None:
    """Draw steps per second, a panel for each net, ours in colour."""
    import matplotlib.pyplot as plt

    from nnutils import plots

    nets = list(dict.fromkeys(row.net for row in rows))
    heights = [sum(row.net == net for row in rows) for net in nets]
    figure, axes = plt.subplots(
        len(nets), 1, figsize=(7, 0.32 * sum(heights) + 0.9 * len(nets)), squeeze=False, height_ratios=heights
    )
    theirs = ("dataloader", "torchvision", "lightning", "keras", "skorch", "one by one, plain loop")
    bounds = ("limit", "forward and backward")
    for ax, net in zip(axes[:, 0], nets, strict=True):
        here = sorted((row for row in rows if row.net == net), key=lambda row: row.steps_per_second)
        colors = ["0.6" if row.loop in theirs else "0.85" if row.loop in bounds else plots.COLORS[0] for row in here]
        bars = ax.barh([shown(row.loop) for row in here], [row.steps_per_second for row in here], color=colors)
        ax.bar_label(bars, [f"{row.steps_per_second:,.0f}" for row in here], padding=3)
        ax.margins(x=0.15)
        what = (
            f"{K} nets {'-'.join(map(str, NETS[net].layers))}" if net == "toy" else "-".join(map(str, NETS[net].layers))
        )
        ax.set_title(f"{what}, batch {NETS[net].batch_size}", loc="left")
        ax.set_xlabel("model steps per second" if net == "toy" else "steps per second")
    figure.savefig(path)
    plt.close(figure)


def profile(net: str, loop: str, device: str) -> str:
    """Return where the time of a loop goes, operation by operation."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as record

    from benchmarks import contenders

    seen = []

    class Enough(Exception):
        pass

    def between() -> None:
        seen.append(1)
        if len(seen) == 2:
            recorder.start()
        if len(seen) == 3:
            recorder.stop()
            raise Enough

    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device == "cuda" else [])]
    recorder = record(activities=activities)
    with contextlib.suppress(Enough):
        contenders.LOOPS[loop](NETS[net], device, between)
    return str(recorder.key_averages().table(sort_by="self_cpu_time_total", row_limit=15, max_name_column_width=32))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Compare training loops.")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--nets", nargs="+", choices=list(NETS), default=list(NETS))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = [row for net in given.nets for row in measure(net, loops_of(net, given.device), given.device, given.rounds)]
    about = machine(given.device)
    print(f"\n{', '.join(f'{key} {value}' for key, value in about.items())}\n\n{table(rows)}")
    missed = []
    for net, loop, beside, floor, reached in floors(rows):
        print(f"{net} {loop} / {beside}: {reached:.2f} (floor {floor}){'  BELOW' if reached < floor else ''}")
        missed += [(net, loop)] if reached < floor else []
    RESULTS.mkdir(exist_ok=True)
    name = f"training-{given.device}"
    content = {"machine": about, "rows": [asdict(row) | {"steps_per_second": row.steps_per_second} for row in rows]}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    (RESULTS / f"{name}.md").write_text(f"{', '.join(f'{k} {v}' for k, v in about.items())}\n\n{table(rows)}")
    plot(rows, RESULTS / f"{name}.svg")
    print(f"Written to benchmarks/results/{name}.json, .md and .svg")
    for net, loop in dict.fromkeys(missed):
        print(f"\nWhy {loop} on net {net} is below its floor:\n{profile(net, loop, given.device)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
