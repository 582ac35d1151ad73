"""The comparison of training loops: what it reports, and that a loop which is too slow makes it fail."""

import json

import pytest
import torch

from benchmarks import accuracy, training
from benchmarks.contenders import LOOPS, NETS

SPEED = {
    "dataloader": 100.0, "torchvision": 40.0, "lightning": 70.0, "eager": 110.0, "compiled": 150.0, "limit": 170.0
}  # fmt: skip


def rows(net="A", **changed):
    """One row for each loop, with seconds that give so many steps per second."""
    steps = NETS[net].batches * NETS[net].epochs
    return [training.Row(net, loop, 1.0, [steps / speed] * 3) for loop, speed in {**SPEED, **changed}.items() if speed]


def test_every_loop_of_the_plan_and_of_the_floors_exists():
    planned = {loop for loops in training.LOOPS.values() for loop in [*loops, *training.NARROW, *training.CAPTURED]}
    assert planned <= set(LOOPS)
    for net, loop, beside, _ in training.FLOORS:
        assert {loop, beside} <= set(training.LOOPS[net])


def test_the_table_has_steps_per_second_and_ratios_of_medians():
    slow_round = training.Row("A", "eager", 2.0, [1.0, 1.5, 30.0])
    table = training.table([slow_round, *rows(eager=0)])
    assert "| train.fit | 100 | 2.0 s | 1.00 | 2.50 | 1.43 |" in table.splitlines()
    assert "| limit: products, traffic | 170 | 1.0 s | 1.70 | 4.25 | 2.43 |" in table.splitlines()


def test_a_floor_that_is_not_reached_is_found():
    assert all(reached >= floor for *_, floor, reached in training.floors(rows()))
    below = [(loop, beside) for _, loop, beside, floor, reached in training.floors(rows(eager=95.0)) if reached < floor]
    assert below == [("eager", "dataloader"), ("eager", "lightning"), ("eager", "torchvision")]
    assert [loop for _, loop, *_ in training.floors(rows(compiled=0))] == ["eager"] * 3


@pytest.mark.parametrize(("speed", "code"), [(110.0, 0), (60.0, 1)])
def test_a_slow_loop_fails_the_run_and_the_report_says_why(monkeypatch, tmp_path, capsys, speed, code):
    monkeypatch.setattr(training, "measure", lambda net, *_: rows(net, eager=speed))
    monkeypatch.setattr(training, "profile", lambda net, loop, device: f"profile of {loop} on {net}")
    monkeypatch.setattr(training, "RESULTS", tmp_path)
    assert training.main(["--device", "cpu", "--nets", "A"]) == code
    told = capsys.readouterr().out
    assert ("BELOW" in told) == ("profile of eager on A" in told) == bool(code)
    written = json.loads((tmp_path / "training-cpu.json").read_text())
    assert written["machine"]["torch"]
    assert {row["loop"] for row in written["rows"]} == set(SPEED)
    assert "<svg" in (tmp_path / "training-cpu.svg").read_text()


def test_a_loop_that_ends_with_an_error_is_told_with_its_message(monkeypatch):
    with pytest.raises(RuntimeError, match=r"no such loop ended: (.|\n)*KeyError: 'no such loop'"):
        training.measure("C", ["no such loop"], "cpu", 1)


def test_loops_take_turns_in_processes_of_their_own():
    eager, compute = training.measure("C", ["eager", "forward and backward"], "cpu", 2)
    assert len(eager.seconds) == len(compute.seconds) == 2
    assert min(eager.seconds) > 0
    assert eager.steps_per_second > 0


def test_the_recipe_changes_each_image_in_training_and_none_in_evaluation():
    X, y = torch.rand(300, 784), torch.arange(300) % 10
    seen = []

    def change(images):
        seen.append(tuple(images.shape))
        return images.flip(-1)

    model = accuracy.recipe(X, y, width=16, epochs=2, change=change)
    assert seen == [(256, 28, 28), (44, 28, 28)] * 2
    assert torch.equal(model[0].eval()(X), X)
    assert torch.equal(model[0].train()(X), X.view(-1, 28, 28).flip(-1).flatten(1))


@pytest.mark.parametrize(("expected", "reached"), [(0.0, True), (100.0, False)])
def test_an_accuracy_that_is_not_reached_fails(monkeypatch, tmp_path, capsys, expected, reached):
    monkeypatch.setattr(accuracy, "recipe", lambda X, y, *, seed: torch.nn.Linear(64, 10))
    monkeypatch.setattr(accuracy, "RESULTS", tmp_path / "accuracy.json")
    monkeypatch.setitem(accuracy.CHOSEN, "mnist", ("digits", {}, expected))
    assert accuracy.test("mnist") is reached
    assert len(json.loads((tmp_path / "accuracy.json").read_text())["mnist"]["accuracies"]) == 5
    assert f"(expected {expected} %)" in capsys.readouterr().out
