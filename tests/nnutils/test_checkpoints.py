"""A killed run ends as an unbroken one, bit for bit; what does not fit is refused."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nnutils import data, optim, regularization, train

RUN = """
import sys, torch
from torch import nn
from nnutils import data, train
from tests.nnutils.test_checkpoints import run

path, slow = sys.argv[1], sys.argv[2] == "slow"


def on_epoch(epoch, history, model):
    print(epoch, flush=True)


run(path, on_epoch=on_epoch, linger=0.002 if slow else 0)
"""


class Lingering(nn.Identity):
    """Make each step long enough to be killed in the middle of an epoch."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def forward(self, X):
        time.sleep(self.seconds)
        return X


def run(path, *, epochs=6, linger=0, compile=False, on_epoch=None, kind="scheduler", patience=3):
    """Train with all that could forget its state: dropout, momentum, a scheduler, patience, a generator."""
    split = data.load("digits")
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2),
        *([] if compile else [regularization.Dropout(0.2, generator=torch.Generator().manual_seed(7))]),
        nn.Identity() if compile else Lingering(linger), nn.Linear(32, 10),
    )  # fmt: skip
    module = optim if compile else torch.optim
    optimizer = module.Adam(model.parameters(), lr=0.03)
    schedule = {
        "scheduler": lambda: torch.optim.lr_scheduler.StepLR(optimizer, 2),
        "function": lambda: lambda step: 0.03 / (1 + step / 20),
        "one cycle": lambda: torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=6 * 22),
        "plateau": lambda: torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0),
    }[kind]()
    history = train.fit(
        model, split, optimizer=optimizer, epochs=epochs, batch_size=50, schedule=schedule, patience=patience,
        on_epoch=on_epoch, generator=torch.Generator().manual_seed(3), checkpoint=path, compile=compile,
        progress=False,
    )  # fmt: skip
    return model, optimizer, history


def assert_same(one, other):
    """Compare two runs bit for bit."""
    torch.testing.assert_close(one[0].state_dict(), other[0].state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(one[1].state_dict(), other[1].state_dict(), rtol=0, atol=0)
    assert asdict(one[2]) == asdict(other[2])


def test_a_run_killed_in_the_middle_of_an_epoch_ends_as_an_unbroken_one(tmp_path):
    command = [sys.executable, "-c", RUN, str(tmp_path / "run.pt"), "slow"]
    killed = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert [killed.stdout.readline() for _ in range(3)] == ["0\n", "1\n", "2\n"]
    time.sleep(0.03)  # some steps into the next epoch, which takes 22 steps of more than 2 ms
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    left = torch.load(tmp_path / "run.pt", weights_only=True)["history"]
    assert len(left["train_loss"]) in (2, 3)
    resumed, whole = run(tmp_path / "run.pt"), run(None)
    assert len(resumed[2].train_loss) > 3
    assert_same(resumed, whole)


@pytest.mark.parametrize("kind", ["scheduler", "function", "one cycle", "plateau"])
def test_every_kind_of_schedule_goes_on_where_it_was(tmp_path, kind):
    run(tmp_path / "run.pt", epochs=2, kind=kind, patience=None)
    assert_same(
        run(tmp_path / "run.pt", epochs=5, kind=kind, patience=None), run(None, epochs=5, kind=kind, patience=None)
    )


def test_a_compiled_run_goes_on_with_the_same_numbers(tmp_path):
    run(tmp_path / "run.pt", epochs=2, compile=True)
    assert_same(run(tmp_path / "run.pt", epochs=4, compile=True), run(None, epochs=4, compile=True))


def test_a_finished_run_comes_back_without_a_step_and_with_the_best_weights(tmp_path):
    first, again = run(tmp_path / "run.pt", epochs=60), run(tmp_path / "run.pt", epochs=60)
    assert first[2].stopped_early
    assert_same(again, first)


@pytest.mark.parametrize("own", [False, True])
def test_batches_of_a_dataloader_are_drawn_as_in_an_unbroken_run(tmp_path, own):
    def go(path, epochs):
        split = data.load("digits")
        torch.manual_seed(0)
        model = nn.Linear(64, 10)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        generator = torch.Generator().manual_seed(5) if own else None
        samples = TensorDataset(split.X_train, split.y_train)
        loader = DataLoader(samples, batch_size=50, shuffle=True, generator=generator)
        history = train.fit(model, loader, optimizer=optimizer, epochs=epochs, checkpoint=path, progress=False)
        return model, optimizer, history

    go(tmp_path / "run.pt", 1)
    assert_same(go(tmp_path / "run.pt", 3), go(None, 3))


def small(path, *, width=2, batch_size=2, rows=4, make=torch.optim.SGD, lr=0.1, epochs=1, **options):
    model = nn.Linear(2, width)
    X, y = torch.ones(rows, 2), torch.zeros(rows, dtype=torch.long)
    optimizer = make(model.parameters(), lr=lr)
    return train.fit(
        model, (X, y), optimizer=optimizer, epochs=epochs, batch_size=batch_size, validation=(X, y), checkpoint=path,
        progress=False, **options,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"batch_size": 4},
            "checkpoint: got batch_size 4, expected 2 as in .*run.pt; pass the same as before, or move",
        ),
        ({"rows": 6}, "checkpoint: got samples 6, expected 4 as in"),
        ({"make": torch.optim.Adam}, "checkpoint: got optimizer Adam, expected SGD as in"),
        ({"patience": 2}, "checkpoint: got patience a number, expected none as in"),
        ({"schedule": lambda step: 0.1}, "checkpoint: got schedule function, expected none as in"),
        ({"generator": torch.Generator()}, "checkpoint: got generators generator, expected none as in"),
        ({"width": 3}, r"checkpoint: got another model than that of .*run.pt \(size mismatch for bias"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_and_stays(tmp_path, change, message):
    small(tmp_path / "run.pt")
    before = (tmp_path / "run.pt").read_bytes()
    with pytest.raises(ValueError, match=message):
        small(tmp_path / "run.pt", **change)
    assert (tmp_path / "run.pt").read_bytes() == before


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/evil",)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", None])
def test_a_file_that_is_no_checkpoint_is_refused_and_runs_nothing(tmp_path, content, monkeypatch):
    path = tmp_path / "run.pt"
    ran = []
    monkeypatch.setattr(os, "system", ran.append)
    if content is None:
        torch.save({"recipe": Evil()}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"checkpoint: .*run.pt cannot be read \(\w+\); give another path"):
        small(path)
    assert not ran


def test_a_write_that_fails_leaves_the_checkpoint_before_it(tmp_path, monkeypatch):
    small(tmp_path / "run.pt")
    before = (tmp_path / "run.pt").read_bytes()

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "other").mkdir()
    with pytest.raises(OSError, match="no space"):
        small(tmp_path / "other" / "run.pt")
    assert not (tmp_path / "other" / "run.pt").exists()
    assert (tmp_path / "run.pt").read_bytes() == before


@pytest.mark.parametrize("where", ["optimizer", "function", "scheduler"])
def test_rates_that_are_numpys_numbers_can_be_read_again(tmp_path, where):
    def go(epochs):
        rate = np.float64(0.1)
        if where == "optimizer":
            return small(tmp_path / "run.pt", lr=rate, epochs=epochs)
        if where == "function":
            return small(tmp_path / "run.pt", schedule=lambda step: rate, epochs=epochs)
        model = nn.Linear(2, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: rate)
        X, y = torch.ones(4, 2), torch.zeros(4, dtype=torch.long)
        return train.fit(
            model, (X, y), optimizer=optimizer, schedule=schedule, epochs=epochs, checkpoint=tmp_path / "run.pt",
            progress=False,
        )  # fmt: skip

    go(1)
    assert len(go(3).train_loss) == 3


def test_buffers_that_a_state_dict_leaves_out_are_kept(tmp_path):
    class Counting(nn.Linear):
        def __init__(self):
            super().__init__(2, 2)
            self.register_buffer("seen", torch.zeros(()), persistent=False)

        def forward(self, X):
            self.seen += self.training
            return super().forward(X)

    def go(epochs):
        model = Counting()
        X, y = torch.ones(4, 2), torch.zeros(4, dtype=torch.long)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        train.fit(model, (X, y), optimizer=optimizer, epochs=epochs, checkpoint=tmp_path / "run.pt", progress=False)
        return int(model.seen)

    assert (go(2), go(5)) == (2, 5)


def test_more_patience_lets_a_run_go_on_that_had_stopped(tmp_path):
    def go(patience):
        return small(tmp_path / "run.pt", epochs=9, patience=patience, lr=0.0)

    assert len(go(1).train_loss) == 2
    longer = go(3)
    assert (len(longer.train_loss), longer.stopped_early) == (4, True)
