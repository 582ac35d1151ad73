"""Many models at once against the same models one after another."""

import copy
import math
import signal

import numpy as np
import pytest
import torch
from torch import nn

from nnutils import data, optim, regularization, stacked, train


def net(seed, *, bias=True, d=2):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(), nn.Sequential(nn.Linear(d, 8), nn.Tanh()), nn.Linear(8, 8, bias=bias), nn.LeakyReLU(0.2),
        nn.Linear(8, 2),
    ).double()  # fmt: skip


def moons():
    split = data.load("moons")
    return (split.X_train.double(), split.y_train), (split.X_val.double(), split.y_val)


@pytest.mark.parametrize("name", optim.RULES)
@pytest.mark.parametrize("own_order", [False, True])
def test_each_model_learns_as_if_it_were_alone(name, own_order):
    (X, y), validation = moons()
    rates = [0.003, 0.01, 0.03]
    models = [net(seed) for seed in range(3)]
    alone = copy.deepcopy(models)
    seeds = [1, 2, 3] if own_order else [1, 1, 1]
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    histories = stacked.fit(
        models, (X, y), name, lr=rates, epochs=2, batch_size=64, validation=validation, weight_decay=0.01,
        generator=generators if own_order else generators[0], progress=False,
    )  # fmt: skip
    for k, model in enumerate(alone):
        optimizer = optim.Optimizer(model.parameters(), optim.RULES[name], lr=rates[k], weight_decay=0.01)
        history = train.fit(
            model, (X, y), optimizer=optimizer, epochs=2, batch_size=64, validation=validation,
            generator=torch.Generator().manual_seed(seeds[k]), progress=False,
        )  # fmt: skip
        torch.testing.assert_close(models[k].state_dict(), model.state_dict(), rtol=1e-9, atol=1e-12)
        for column in ("step_loss", "train_loss", "val_loss", "val_accuracy", "lr"):
            assert getattr(histories[k], column) == pytest.approx(getattr(history, column), rel=1e-9)


def test_on_epoch_hears_of_each_epoch_with_weights_that_are_up_to_date():
    (X, y), validation = moons()
    models, heard = [net(0), net(1)], []

    def hear(epoch, histories, given):
        losses = [train.evaluate(model, *validation)[0] for model in given]
        heard.append((epoch, losses == pytest.approx([history.val_loss[-1] for history in histories])))

    stacked.fit(models, (X, y), "sgd", lr=0.1, epochs=2, validation=validation, on_epoch=hear, progress=False)
    assert heard == [(0, True), (1, True)]


def test_compiled_they_take_the_same_steps():
    (X, y), _ = moons()
    seen = []
    for compiled in (False, True):
        models = [net(seed) for seed in range(4)]
        generator = torch.Generator().manual_seed(0)
        stacked.fit(models, (X, y), "adam", lr=0.01, epochs=2, generator=generator, compile=compiled, progress=False)
        seen.append([model.state_dict() for model in models])
    torch.testing.assert_close(seen[0], seen[1], rtol=1e-8, atol=1e-10)


def test_images_are_flattened_and_a_layer_without_bias_stays_without():
    models = [net(seed, bias=False, d=6) for seed in range(2)]
    X, y = torch.randn(5, 2, 3, dtype=torch.float64), torch.arange(5) % 2
    together = stacked.Stacked(models)(X.flatten(1))
    torch.testing.assert_close(together, torch.stack([model(X) for model in models]))
    histories = stacked.fit(models, (X, y), "sgd", lr=0.1, epochs=1, validation=(X, y), progress=False)
    for model, history in zip(models, histories, strict=True):
        assert train.evaluate(model, X, y) == pytest.approx((history.val_loss[0], history.val_accuracy[0]), rel=1e-12)


def test_dropout_draws_for_each_model_and_is_off_in_evaluation():
    model = nn.Sequential(nn.Linear(2, 50), regularization.Dropout(0.5), nn.Dropout(0.5), nn.Linear(50, 2))
    stack = stacked.Stacked([model, model])
    X = torch.ones(3, 2)
    one, other = stack.train()(X)
    assert not torch.equal(one, other)
    one, other = stack.eval()(X)
    torch.testing.assert_close(one, model.eval()(X))
    assert torch.equal(one, other)


def test_a_layer_that_comes_twice_is_used_twice():
    act = nn.Tanh()
    model = nn.Sequential(nn.Linear(2, 4), act, nn.Linear(4, 4), act, nn.Linear(4, 2))
    X = torch.randn(5, 2)
    torch.testing.assert_close(stacked.Stacked([model])(X)[0], model(X))


def test_models_end_in_training_mode_also_after_an_evaluation():
    models = [nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5), nn.Linear(4, 2)) for _ in range(2)]
    X, y = torch.randn(8, 2), torch.arange(8) % 2
    stacked.fit(models, (X, y), "sgd", lr=0.1, epochs=1, validation=(X, y), progress=False)
    assert all(module.training for model in models for module in model.modules())


def test_an_error_in_the_callback_loses_no_weights():
    (X, y), _ = moons()
    model, before = net(0), net(0)

    def fail(*_):
        raise RuntimeError("no space")

    with pytest.raises(RuntimeError, match="no space"):
        stacked.fit([model], (X, y), "sgd", lr=0.1, epochs=1, on_epoch=fail, progress=False)
    assert not torch.equal(model[2].weight, before[2].weight)


def test_a_split_brings_its_validation_part_along():
    split = data.load("moons")
    models = [net(seed).float() for seed in range(2)]
    histories = stacked.fit(models, split, "adam", lr=0.01, epochs=1, progress=False)
    for model, history in zip(models, histories, strict=True):
        expected = train.evaluate(model, split.X_val, split.y_val)
        assert (history.val_loss[0], history.val_accuracy[0]) == pytest.approx(expected, rel=1e-5)


TIED = nn.Linear(2, 2)


@pytest.mark.parametrize("lr", [np.float32(0.5), np.array([0.5]), (0.5,)])
def test_rates_may_be_numbers_of_numpys(lr):
    (X, y), _ = moons()
    (history,) = stacked.fit([net(0)], (X, y), "sgd", lr=lr, epochs=1, progress=False)
    assert history.lr == [0.5]


def test_a_model_that_diverges_leaves_the_others_alone():
    (X, y), _ = moons()
    models = [net(0), net(0)]
    alone = net(0)
    options = {"epochs": 3, "progress": False}
    histories = stacked.fit(
        models, (X * 1e3, y), "momentum", lr=[1e-4, 1e300], generator=torch.Generator().manual_seed(0), **options
    )
    optimizer = optim.SGD(alone.parameters(), lr=1e-4, momentum=0.9)
    run = train.fit(alone, (X * 1e3, y), optimizer=optimizer, generator=torch.Generator().manual_seed(0), **options)
    assert not math.isfinite(histories[1].train_loss[-1])
    assert histories[0].train_loss == pytest.approx(run.train_loss, rel=1e-9)
    assert all(p.isfinite().all() for p in models[0].parameters())


def test_ctrl_c_keeps_what_was_learnt(capsys, monkeypatch):
    (X, y), _ = moons()
    models, before = [net(0)], net(0)
    heard = []

    def losses(logits, targets):
        heard.append(1)
        if len(heard) == 3:
            signal.raise_signal(signal.SIGINT)
        return original(logits, targets)

    original = stacked._losses
    monkeypatch.setattr(stacked, "_losses", losses)
    (history,) = stacked.fit(models, (X, y), "sgd", lr=0.1, epochs=5, batch_size=300, progress=False)
    assert history.interrupted
    assert len(history.train_loss) == 1
    assert "stacked: interrupted after 1 epochs" in capsys.readouterr().out
    assert not torch.equal(models[0][2].weight, before[2].weight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": []}, "stacked: got models none, expected one or more nn.Sequential"),
        ({"models": [nn.Linear(2, 2)]}, "stacked: got models Linear, expected one or more nn.Sequential"),
        (
            {"models": [net(0), nn.Sequential(nn.Linear(2, 2))]},
            r"got models\[1\] of another architecture than models\[0\]",
        ),
        ({"models": [nn.Sequential(nn.BatchNorm1d(2))]}, "got a layer BatchNorm1d, expected Linear, .* with train.fit"),
        ({"models": [nn.Sequential(TIED, TIED)]}, r"got models\[0\] with shared or frozen weights, expected none; use"),
        ({"models": [net(0).requires_grad_(False)]}, r"got models\[0\] with shared or frozen weights"),
        ({"lr": [0.1]}, "stacked: got 1 learning rates for 2 models, expected one for all or for each"),
        ({"lr": [0.1, -1.0]}, r"got lr\[1\]=-1.0, expected a finite number, 0 or more"),
        (
            {"generator": [torch.Generator()] * 3},
            "stacked: got 3 generators for 2 models, expected one for all or for each",
        ),
        ({"rule": "adan"}, "got 'adan', expected one of .*; did you mean 'adam'"),
        ({"betas": 3}, "hyperparameter"),
        ({"epochs": 0}, "got epochs=0"),
        ({"data": (torch.ones(3, 2).double(), torch.full((3,), 2))}, "stacked: got targets from 2 to 2"),
        (
            {"data": (torch.ones(3, 2), torch.zeros(3).long())},
            "stacked: got X of dtype torch.float32 for weights of dtype",
        ),
    ],
)
def test_bad_input_is_refused_with_one_sentence(change, message):
    given = {"models": [net(0), net(1)], "data": moons()[0], "rule": "sgd", "lr": 0.1, "epochs": 1, "progress": False}
    given |= change
    with pytest.raises(ValueError, match=message):
        stacked.fit(given.pop("models"), given.pop("data"), given.pop("rule"), **given)
