"""The logger's event file, read back by TensorBoard itself, and what it says where TensorBoard is missing."""

import sys

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from nnutils import data, train
from nnutils.tensorboard import TensorBoardLogger


def read(folder):
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0})
    events.Reload()
    return events


def fit(logger, validation=True, epochs=3):
    torch.manual_seed(0)
    moons = data.load("moons")
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    history = train.fit(
        model,
        moons if validation else (moons.X_train, moons.y_train),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        epochs=epochs,
        schedule=lambda step: 0.1 / (1 + step),
        on_epoch=logger,
        progress=False,
    )
    return model, history


def test_every_scalar_of_a_training_run_can_be_read_back(tmp_path):
    with TensorBoardLogger(tmp_path / "a" / "run") as logger:
        _, history = fit(logger)
    events = read(tmp_path / "a" / "run")
    assert sorted(events.Tags()["scalars"]) == ["lr", "train_loss", "val_accuracy", "val_loss"]
    assert events.Tags()["histograms"] == []
    for name in events.Tags()["scalars"]:
        scalars = events.Scalars(name)
        assert [scalar.step for scalar in scalars] == [0, 1, 2]
        assert [scalar.value for scalar in scalars] == pytest.approx(getattr(history, name), rel=1e-6)


def test_a_run_without_validation_has_no_scalars_of_it(tmp_path):
    with TensorBoardLogger(str(tmp_path)) as logger:
        fit(logger, validation=False)
    assert sorted(read(tmp_path).Tags()["scalars"]) == ["lr", "train_loss"]


def test_histograms_hold_every_parameter_at_every_epoch(tmp_path):
    with TensorBoardLogger(tmp_path, histograms=True) as logger:
        model, _ = fit(logger)
    events = read(tmp_path)
    assert sorted(events.Tags()["histograms"]) == sorted(name for name, _ in model.named_parameters())
    *_, last = events.Histograms("0.weight")
    assert last.step == 2
    assert last.histogram_value.num == 16
    assert last.histogram_value.sum == pytest.approx(model[0].weight.sum().item(), rel=1e-5)


def test_a_parameter_that_has_diverged_does_not_end_the_run(tmp_path):
    model = nn.Linear(2, 1)
    nn.init.constant_(model.bias, float("nan"))
    with torch.no_grad():
        model.weight[0, 0] = float("inf")
    with TensorBoardLogger(tmp_path, histograms=True) as logger:
        logger(0, train.History(train_loss=[float("nan")], lr=[0.1]), model)
    events = read(tmp_path)
    assert events.Tags()["histograms"] == ["weight"]
    assert events.Histograms("weight")[0].histogram_value.num == 1


def test_an_epoch_can_be_read_before_the_run_ends(tmp_path):
    logger = TensorBoardLogger(tmp_path)
    logger(0, train.History(train_loss=[0.5], lr=[0.1]), nn.Linear(1, 1))
    assert read(tmp_path).Scalars("train_loss")[0].value == 0.5
    logger.close()
    logger.close()


def test_the_logger_closes_when_the_training_raises(tmp_path, monkeypatch):
    logger = TensorBoardLogger(tmp_path)
    closed = []
    monkeypatch.setattr(logger, "close", lambda: closed.append(True))
    with pytest.raises(RuntimeError, match="planted"), logger:
        raise RuntimeError("planted")
    assert closed == [True]


def test_a_missing_package_is_said_in_one_sentence_with_the_command(monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(
        ImportError, match="tensorboard is not installed; install it with: pip install tensorboard"
    ) as error:
        TensorBoardLogger(tmp_path)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said_in_one_sentence(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(
        RuntimeError, match=r"TensorBoardLogger: cannot write to .*taken \(.*\); give it another folder"
    ):
        TensorBoardLogger(tmp_path / "taken")


def test_no_folder_is_not_taken_for_one_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TypeError):
        TensorBoardLogger(None)
    assert list(tmp_path.iterdir()) == []
