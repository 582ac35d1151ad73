"""How far a plain net comes on the real images: one readable recipe, chosen on validation data, tested once.

``python -m benchmarks.accuracy choose fashion_mnist`` compares candidates on 10,000 held-out training images;
``python -m benchmarks.accuracy test fashion_mnist`` trains the chosen one on all 60,000 training images from five
seeds and reads the test images once for each net, at the end. float32, one thread.
"""

import argparse
import itertools
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

from nnutils import data, regularization, schedules, train

SEEDS = range(5)
RESULTS = Path(__file__).parent / "results" / "accuracy.json"


class Augmented(nn.Module):
    """Change each image by itself, in training mode only."""

    def __init__(self, change: Callable[[Tensor], Tensor] | None) -> None:
        super().__init__()
        self.change = change

    def forward(self, X: Tensor) -> Tensor:
        return self.change(X.view(-1, 28, 28)).flatten(1) if self.training and self.change else X


def recipe(
    X: Tensor, y: Tensor, *, seed: int = 0, width: int = 512, epochs: int = 20, lr: float = 0.01, dropout: float = 0.2,
    smoothing: float = 0.1, change: Callable[[Tensor], Tensor] | None = None, progress: bool = False,
) -> nn.Module:  # fmt: skip
    """Return a trained net: two hidden layers with batch normalization and dropout, AdamW over one cycle."""
    torch.manual_seed(seed)

    def hidden(inputs: int) -> list[nn.Module]:
        return [nn.Linear(inputs, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout)]

    model = nn.Sequential(Augmented(change), *hidden(784), *hidden(width), nn.Linear(width, 10)).to(X.device)
    steps = epochs * math.ceil(len(X) / 256)
    train.fit(
        model, (X, y), epochs=epochs, batch_size=256, progress=progress,
        optimizer=torch.optim.AdamW(model.parameters(), weight_decay=0.01),
        schedule=lambda t: schedules.one_cycle(t, lr, steps),
        loss_fn=partial(F.cross_entropy, label_smoothing=smoothing),
        generator=torch.Generator().manual_seed(seed),
    )  # fmt: skip
    return model


FLIPS = {"lr": 0.003, "change": regularization.random_flip, "epochs": 40}
SHIFTS = {"change": partial(regularization.random_shift, max_pixels=1), "epochs": 30}
#: What ``choose`` found best on validation data, and what is to be reached, in percent of the test images.
CHOSEN = {
    "fashion_mnist": ("fashion_mnist", {"lr": 0.003}, 90.5),
    "fashion_mnist, flips": ("fashion_mnist", FLIPS, 91.0),
    "mnist": ("mnist", {}, 98.7),
    "mnist, shifts": ("mnist", SHIFTS, 99.2),
}


def choose(name: str, options: dict[str, object]) -> None:
    """Print the validation accuracy of each candidate, trained on the other 50,000 training images."""
    split = data.load(name)
    for lr, dropout, smoothing in itertools.product((0.003, 0.01), (0.2, 0.4), (0.1,)):
        start = time.process_time()
        model = recipe(
            split.X_train, split.y_train, **{**options, "lr": lr, "dropout": dropout, "smoothing": smoothing}
        )
        accuracy = 100 * train.evaluate(model, split.X_val, split.y_val)[1]
        seconds = time.process_time() - start
        print(
            f"{name} lr {lr} dropout {dropout} smoothing {smoothing}: {accuracy:.2f} % in {seconds:.0f} s", flush=True
        )


def test(label: str) -> bool:
    """Train from five seeds, read the test images, print and record mean, spread and time; True where it reaches."""
    name, options, expected = CHOSEN[label]
    split = data.load(name)
    X, y = torch.cat([split.X_train, split.X_val]), torch.cat([split.y_train, split.y_val])
    accuracies, seconds = [], []
    for seed in tqdm(SEEDS, desc=label, unit="net"):
        start = time.process_time()
        model = recipe(X, y, seed=seed, **options)
        seconds.append(round(time.process_time() - start, 1))
        accuracies.append(round(100 * train.evaluate(model, split.X_test, split.y_test)[1], 2))
    mean, spread = statistics.mean(accuracies), statistics.stdev(accuracies)
    print(f"{label}: {mean:.2f} % +- {spread:.2f}, {statistics.median(seconds):.0f} s a net (expected {expected} %)")
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[label] = {"accuracies": accuracies, "cpu_seconds": seconds, "torch": torch.__version__}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return mean >= expected


def main() -> int:
    parser = argparse.ArgumentParser(description="Accuracy of a plain net.")
    parser.add_argument("what", choices=["choose", "test"])
    parser.add_argument("labels", nargs="*", choices=list(CHOSEN), default=list(CHOSEN))
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "test":
        reached = [test(label) for label in given.labels]
        return 0 if all(reached) else 1
    for label in given.labels:
        choose(*CHOSEN[label][:2])
    return 0


if __name__ == "__main__":
    sys.exit(main())
