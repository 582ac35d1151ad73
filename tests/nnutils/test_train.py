"""The loop against a loop written out by hand, its evaluation, early stopping and refusals."""

import math
import pickle
import signal

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

from nnutils import data, optim, plots, train


def small_net(seed=0, d=64, k=10):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(d, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, k))


def test_equals_a_loop_written_out_by_hand():
    split = data.load("digits")
    ours, theirs = small_net(), small_net()
    torch.manual_seed(1)
    history = train.fit(
        ours, (split.X_train, split.y_train), optimizer=torch.optim.SGD(ours.parameters(), lr=0.1), epochs=2,
        batch_size=50, generator=torch.Generator().manual_seed(3), progress=False,
    )  # fmt: skip
    torch.manual_seed(1)
    generator, optimizer, losses = torch.Generator().manual_seed(3), torch.optim.SGD(theirs.parameters(), lr=0.1), []
    for _ in range(2):
        order = torch.randperm(len(split.X_train), generator=generator)
        for start in range(0, len(order), 50):
            rows = order[start : start + 50]
            optimizer.zero_grad()
            loss = F.cross_entropy(theirs(split.X_train[rows]), split.y_train[rows])
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert history.step_loss == losses
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(p, q)


def test_train_loss_weighs_a_short_last_batch_by_its_samples():
    X, y = torch.randn(10, 3), torch.randint(0, 2, (10,))
    model = nn.Linear(3, 2)
    frozen = torch.optim.SGD(model.parameters(), lr=0.0)
    history = train.fit(model, (X, y), optimizer=frozen, epochs=1, batch_size=4, progress=False)
    assert history.train_loss[0] == pytest.approx(F.cross_entropy(model(X), y).item(), rel=1e-6)


def test_evaluate_is_the_mean_over_samples_and_restores_the_mode():
    model = small_net()
    model.train()
    model[2].eval()
    X, y = torch.randn(7, 64), torch.randint(0, 10, (7,))
    loss, accuracy = train.evaluate(model, X, y, batch_size=3)
    assert [module.training for module in model] == [True, True, False, True]
    model.eval()
    logits = model(X)
    assert loss == pytest.approx(F.cross_entropy(logits, y).item(), rel=1e-6)
    assert accuracy == pytest.approx((logits.argmax(1) == y).float().mean().item())


class Raising(nn.Module):
    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.5).eval()

    def forward(self, X):
        raise KeyError("no such layer")


def test_evaluate_restores_the_modes_when_the_model_raises():
    model = Raising()
    with pytest.raises(KeyError):
        train.evaluate(model, torch.ones(3, 2), torch.zeros(3).long())
    assert [module.training for module in model.modules()] == [True, False]


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (nn.Linear(2, 1), torch.zeros(3, 1)),
        (nn.Sequential(nn.Linear(2, 1), nn.Flatten(0)), torch.zeros(3)),
        (nn.Linear(2, 3), torch.full((3, 3), 1 / 3)),
    ],
)
def test_targets_that_are_no_class_indices_have_no_accuracy(model, y):
    X = torch.ones(3, 2)
    loss, accuracy = train.evaluate(model, X, y, loss_fn=F.mse_loss)
    assert loss == pytest.approx(F.mse_loss(model(X), y).item())
    assert math.isnan(accuracy)


def test_minibatches_keep_samples_and_targets_together():
    X, y = torch.arange(10.0)[:, None], torch.arange(10)
    batches = list(train.minibatches(X, y, 4, torch.Generator().manual_seed(0)))
    assert [len(b) for b, _ in batches] == [4, 4, 2]
    assert all(torch.equal(b[:, 0].long(), t) for b, t in batches)
    assert sorted(torch.cat([t for _, t in batches]).tolist()) == list(range(10))
    assert torch.cat([t for _, t in batches]).tolist() != list(range(10))


class Scripted(nn.Module):
    """Its weight counts optimizer steps; the validation loss follows a script."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(1))

    def forward(self, X):
        return self.w.expand(len(X), 2)


def test_early_stopping_waits_for_patience_and_restores_the_best_weights():
    script = [5.0, 3.0, 4.0, 3.0, 2.9, 3.5, 3.2, 9.9]
    model = Scripted()

    def loss_fn(logits, targets):
        step = int(logits[0, 0].item() + 0.5)
        return logits.sum() * 0 - logits[0, 0] if torch.is_grad_enabled() else torch.tensor(script[step - 1])

    X, y = torch.zeros(1, 1), torch.zeros(1, dtype=torch.long)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    history = train.fit(
        model, (X, y), optimizer=optimizer, epochs=20, loss_fn=loss_fn, validation=(X, y), patience=2, progress=False
    )
    assert history.val_loss == pytest.approx([5.0, 3.0, 4.0, 3.0])
    assert history.stopped_early
    assert model.w.item() == 2.0


def test_the_schedule_sets_the_rate_of_every_step():
    seen, model = [], nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=9.0)
    optimizer.register_step_pre_hook(lambda o, *_: seen.append(o.param_groups[0]["lr"]))
    X, y = torch.randn(4, 2), torch.zeros(4, dtype=torch.long)
    history = train.fit(
        model, (X, y), optimizer=optimizer, epochs=2, batch_size=2, schedule=lambda t: 0.1 / (t + 1), progress=False
    )
    assert seen == pytest.approx([0.1, 0.05, 0.1 / 3, 0.025])
    assert history.lr == pytest.approx([0.05, 0.025])


def test_digits_are_learnt():
    split, model = data.load("digits"), small_net()
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    history = train.fit(model, split, optimizer=optimizer, epochs=15, progress=False)
    assert history.val_accuracy[-1] > 0.9
    assert train.evaluate(model, split.X_test, split.y_test)[1] > 0.9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": (torch.ones(3, 2), torch.zeros(2).long())}, "got 3 rows and 2 targets"),
        ({"data": (torch.ones(0, 2), torch.zeros(0).long())}, "got 0 rows"),
        ({"epochs": 0}, "got epochs=0"),
        ({"patience": 2}, "got patience=2 without validation data, expected both"),
        ({"patience": 0, "validation": (torch.ones(3, 2), torch.zeros(3).long())}, "EarlyStopping: got patience=0"),
        ({"validation": (torch.ones(3, 2), torch.zeros(2).long())}, "fit, validation: got 3 rows and 2 targets"),
        (
            {"data": (torch.ones(3, 2), torch.full((3,), 2)), "loss_fn": nn.CrossEntropyLoss()},
            "fit: got targets from 2",
        ),
        ({"data": (torch.ones(3, 2), torch.zeros(3).long(), 1)}, r"fit: got data of 3 parts, expected a pair"),
        ({"data": (torch.ones(3, 2), torch.zeros(3))}, r"fit: got targets of dtype torch.float32, .* use .long\(\)"),
        ({"data": (torch.ones(3, 2), torch.full((3,), 2))}, "fit: got targets from 2 to 2, expected .* from 0 to 1"),
        (
            {"data": (torch.ones(3, 5), torch.zeros(3).long())},
            r"X of shape \(3, 5\) for a first layer of 2 inputs, exp",
        ),
        (
            {"data": (torch.ones(3, 2).double(), torch.zeros(3).long())},
            r"X of dtype torch.float64 for .*; use X.to\(torch.float32\)",
        ),
        ({"data": (torch.ones(3, 2), torch.zeros(3, device="meta").long())}, "y on meta, expected one device"),
        ({"optimizer": torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)}, "no parameter of this model"),
        ({"optimizer": torch.optim.SGD}, "got <class .*SGD'> as optimizer, expected one that is built"),
        ({"batch_size": 0}, "got batch_size=0"),
        ({"data": torch.ones(3, 2)}, r"fit: got data of type Tensor, expected a pair of tensors \(X, y\)"),
        ({"data": ([[1.0, 2.0]], [0])}, "fit: expected X to be a torch.Tensor, got list"),
        (
            {"data": (torch.ones(3, 2), torch.zeros(3, 1).long())},
            r"fit: got targets of shape \(3, 1\) for logits of shape \(3, 2\), expected \(N,\)",
        ),
        ({"data": (torch.ones(3, 1, 2), torch.zeros(3).long())}, r"for logits of shape \(3, 1, 2\), expected"),
        ({"validation": data.load("moons")}, "fit: got validation of type Split, expected a pair"),
        ({"validation": (torch.ones(3, 2), torch.full((3,), 2))}, "fit, validation: got targets from 2 to 2"),
        ({"schedule": lambda step: math.nan}, r"fit: got schedule\(0\)=nan, expected a finite number, 0 or more"),
        ({"data": (torch.ones(3, 2, device="meta"), torch.zeros(3).long())}, "expected one device"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(change, message):
    model = nn.Linear(2, 2)
    arguments = {
        "data": (torch.ones(3, 2), torch.zeros(3).long()),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "epochs": 1,
        "progress": False,
        **change,
    }
    with pytest.raises(ValueError, match=message):
        train.fit(model, arguments.pop("data"), **arguments)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (torch.ones(3, 2), torch.full((3,), -100), "evaluate: got targets from -100 to -100, expected class indices"),
        (torch.ones(3, 2), torch.zeros(3), r"evaluate: got targets of dtype torch.float32, .* use .long\(\)"),
        (torch.ones(0, 2), torch.zeros(0).long(), "evaluate: got 0 rows and 0 targets"),
        (torch.ones(3, 2), torch.zeros(2).long(), "evaluate: got 3 rows and 2 targets"),
        (torch.ones(3, 3), torch.zeros(3).long(), r"evaluate: got X of shape \(3, 3\) for a first layer of 2 inputs"),
        (torch.ones(3, 2, device="meta"), torch.zeros(3).long(), "evaluate: got the model on cpu, X on meta, y on cpu"),
    ],
)
def test_evaluate_refuses_what_the_model_cannot_take(X, y, message):
    with pytest.raises(ValueError, match=message):
        train.evaluate(nn.Sequential(nn.Linear(2, 2)), X, y)


def test_a_model_without_parameters_and_an_empty_one_are_evaluated():
    X, y = torch.eye(3), torch.arange(3)
    assert train.evaluate(nn.Sequential(), X, y)[1] == 1.0
    assert train.evaluate(nn.Identity(), X, y)[1] == 1.0


def test_soft_targets_and_other_losses_are_not_taken_for_class_indices():
    X, model = torch.randn(6, 2), nn.Linear(2, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    train.fit(model, (X, torch.full((6, 3), 1 / 3)), optimizer=optimizer, epochs=1, progress=False)
    train.fit(model, (X, torch.zeros(6, 3)), optimizer=optimizer, epochs=1, loss_fn=F.mse_loss, progress=False)


def test_on_epoch_hears_of_each_epoch_with_the_history_so_far():
    heard, model = [], nn.Linear(2, 2)
    data_, optimizer = (torch.ones(4, 2), torch.zeros(4).long()), torch.optim.SGD(model.parameters(), lr=0.1)

    def note(epoch, history, trained):
        heard.append((epoch, len(history.train_loss), len(history.val_loss), trained is model, model.training))

    train.fit(model, data_, optimizer=optimizer, epochs=2, validation=data_, on_epoch=note, progress=False)
    assert heard == [(0, 1, 1, True, True), (1, 2, 2, True, True)]


def test_a_validation_loss_that_is_never_a_number_stops_and_keeps_the_last_weights():
    model = nn.Linear(2, 2)
    data_ = torch.ones(4, 2), torch.zeros(4).long()

    def loss_fn(logits, targets):
        return F.cross_entropy(logits, targets) if torch.is_grad_enabled() else torch.tensor(float("nan"))

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    history = train.fit(
        model, data_, optimizer=optimizer, epochs=9, loss_fn=loss_fn, validation=data_, patience=3, progress=False
    )
    assert len(history.val_loss) == 3
    assert history.stopped_early


def test_a_frozen_model_is_refused():
    model = nn.Linear(2, 2).requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="no parameter of this model that requires a gradient"):
        train.fit(model, (torch.ones(3, 2), torch.zeros(3).long()), optimizer=optimizer, epochs=1, progress=False)


@pytest.mark.parametrize("y", [[0, 1], torch.zeros(2, device="meta")])
def test_minibatches_are_of_two_tensors_on_one_device(y):
    with pytest.raises(ValueError, match=r"minibatches: .*expected"):
        next(train.minibatches(torch.ones(2, 2), y, 1))


def test_minibatches_need_as_many_targets_as_samples():
    with pytest.raises(ValueError, match="minibatches: got 3 rows and 2 targets, expected as many of both"):
        next(train.minibatches(torch.ones(3, 2), torch.ones(2), 4))


def learn(model, X, y, *, epochs=3, lr=0.1, make=torch.optim.SGD, **options):
    optimizer = make(model.parameters(), lr=lr)
    return train.fit(model, (X, y), optimizer=optimizer, epochs=epochs, batch_size=4, progress=False, **options)


def points(n=16, d=2, k=2):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, d, generator=generator), torch.randint(0, k, (n,), generator=generator)


def test_a_rate_that_is_too_high_is_named_with_the_step_and_the_history_is_kept():
    X, y = points()
    with pytest.raises(
        train.Diverged, match=r"is (nan|inf); it had grown from .* the learning rate, 1e\+04, is too"
    ) as e:
        learn(nn.Linear(2, 2), X * 100, y, lr=1e4, loss_fn=lambda logits, _: (logits**2).mean())
    history = e.value.history
    assert len(history.step_loss) == 4
    assert all(map(math.isfinite, history.step_loss[: e.value.step]))
    assert not math.isfinite(history.step_loss[e.value.step])


def test_nan_in_the_data_is_told_from_a_rate_that_is_too_high():
    X, y = points()
    with pytest.raises(
        train.Diverged, match=r"loss of step 0 \(epoch 1\) is nan; it is the first loss: look for nan in"
    ):
        learn(nn.Linear(2, 2), X * math.nan, y)
    X[3, 0] = math.nan
    with pytest.raises(
        train.Diverged, match=r"is nan; it (is the first loss: look|was [0-9.]+ one step before: look for)"
    ):
        learn(nn.Linear(2, 2), X, y)


def test_a_run_that_diverges_gives_the_best_weights_back_under_early_stopping():
    X, y = points()
    model, seen = nn.Linear(2, 2), []

    def keep(epoch, history, trained):
        seen.append(trained.weight.detach().clone())
        if epoch == 1:
            trained.bias.data.fill_(math.nan)

    with pytest.raises(train.Diverged, match=r"loss of step 8 \(epoch 3\) is nan"):
        learn(model, X, y, epochs=9, validation=(X, y), patience=5, on_epoch=keep)
    assert torch.equal(model.weight, seen[1])
    assert model.bias.isfinite().all()


@pytest.mark.parametrize("validated", [False, True])
def test_ctrl_c_ends_the_training_and_keeps_what_was_learnt(capsys, validated):
    X, y = points()

    class Interrupted(nn.Linear):
        calls = 0

        def forward(self, X):
            if self.training:
                self.calls += 1
                if self.calls == 7:
                    signal.raise_signal(signal.SIGINT)
            return super().forward(X)

    model, reference = Interrupted(2, 2), nn.Linear(2, 2)
    reference.load_state_dict(model.state_dict())
    options = {"validation": (X, y)} if validated else {}
    generator = torch.Generator().manual_seed(0)
    history = learn(model, X, y, epochs=9, generator=generator, **options)
    assert history.interrupted
    assert (len(history.step_loss), len(history.train_loss), len(history.val_loss)) == (6, 1, int(validated))
    assert "fit: interrupted after 6 steps; the model keeps what it has learnt" in capsys.readouterr().out
    generator, optimizer = torch.Generator().manual_seed(0), torch.optim.SGD(reference.parameters(), lr=0.1)
    taken = [batch for _ in range(2) for batch in train.minibatches(X, y, 4, generator)][:6]
    for inputs, targets in taken:
        optimizer.zero_grad()
        F.cross_entropy(reference(inputs), targets).backward()
        optimizer.step()
    torch.testing.assert_close(model.state_dict(), reference.state_dict())


def test_ctrl_c_before_the_first_evaluation_says_that_there_are_no_best_weights(capsys):
    X, y = points()
    calls = []

    class Interrupted(nn.Linear):
        def forward(self, X):
            calls.append(self.training)
            if calls.count(True) == 2:
                signal.raise_signal(signal.SIGINT)
            return super().forward(X)

    history = learn(Interrupted(2, 2), X, y, validation=(X, y), patience=3)
    assert (len(history.step_loss), history.train_loss, history.lr) == (1, [], [])
    assert "after 1 steps; the model keeps what it has learnt" in capsys.readouterr().out


def test_a_callback_that_evaluates_does_not_end_training_mode():
    X, y = points()
    modes = []

    class Watched(nn.Linear):
        def forward(self, X):
            modes.append(self.training)
            return super().forward(X)

    model = Watched(2, 2)
    learn(model, X, y, on_epoch=lambda epoch, history, model: model.eval(), epochs=2)
    assert modes == [False] + [True] * 8
    assert model.training


def test_a_run_that_diverged_after_an_evaluation_can_be_drawn():
    X, y = points()

    def spoil(epoch, history, model):
        model.weight.data.fill_(math.nan)

    with pytest.raises(train.Diverged) as raised:
        learn(nn.Linear(2, 2), X, y, validation=(X, y), on_epoch=spoil)
    assert [len(column) for column in (raised.value.history.train_loss, raised.value.history.val_loss)] == [2, 1]
    assert plots.history(raised.value.history).axes


def test_ctrl_c_in_the_callback_leaves_a_history_that_can_be_drawn():
    X, y = points()

    def stop(epoch, history, model):
        if epoch == 1:
            history.val_loss.pop()  # as if it came before the evaluation
            raise KeyboardInterrupt

    history = learn(nn.Linear(2, 2), X, y, validation=(X, y), on_epoch=stop)
    assert len(history.train_loss) == len(history.val_loss) == len(history.lr) == 1
    assert plots.history(history).axes


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda o: lr_scheduler.StepLR(o, 1, gamma=0.5), [0.1, 0.05, 0.025]),
        (lambda o: lr_scheduler.LinearLR(o, 1.0, 0.5, total_iters=2), [0.1, 0.075, 0.05]),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0, threshold=10.0, factor=0.5), [0.1, 0.05, 0.025]),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.8, total_steps=12, cycle_momentum=False), None),
    ],
)
@pytest.mark.parametrize("module", [torch.optim, optim])
def test_pytorchs_schedulers_are_stepped_as_their_documentation_does(make, expected, module, recwarn):
    X, y = points()
    model = nn.Linear(2, 2)
    optimizer = module.SGD(model.parameters(), lr=0.1)
    schedule = make(optimizer)
    history = train.fit(
        model, (X, y), optimizer=optimizer, epochs=3, batch_size=4, schedule=schedule, validation=(X, y), progress=False
    )
    if expected is None:
        other = torch.optim.SGD(model.parameters(), lr=0.1)
        reference, rates = make(other), []
        for _ in range(12):
            rates.append(other.param_groups[0]["lr"])
            other.step()
            reference.step()
        expected = rates[3::4]
    assert history.lr == pytest.approx(expected)
    assert not recwarn.list


def test_a_dataloader_serves_data_that_does_not_fit():
    X, y = points()
    ours, theirs = nn.Linear(2, 2), nn.Linear(2, 2)
    theirs.load_state_dict(ours.state_dict())
    loader = DataLoader(TensorDataset(X, y), batch_size=4)
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.1)
    history = train.fit(ours, loader, optimizer=optimizer, epochs=2, validation=(X, y), progress=False)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1)
    for _ in range(2):
        for inputs, targets in loader:
            optimizer.zero_grad()
            F.cross_entropy(theirs(inputs), targets).backward()
            optimizer.step()
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())
    assert len(history.step_loss) == 8


def test_checking_the_targets_draws_no_random_number_and_changes_no_statistics():
    X, y = points()
    model = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5), nn.Linear(2, 2))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    seen = []
    model.register_forward_pre_hook(
        lambda module, _: seen.append((module.training, torch.equal(torch.get_rng_state(), before)))
    )
    learn(model, X, y, epochs=1, generator=torch.Generator())
    assert seen[0] == (False, True)
    assert (True, True) in seen
    assert model[0].num_batches_tracked == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schedule": "cosine"}, "got 'cosine' as schedule, expected a function of the step number or an LRScheduler"),
        ({"make": torch.optim.LBFGS}, "got LBFGS, which evaluates the loss several times a step, expected"),
        ({"compile": True}, "got torch.optim.sgd.SGD with compile or capture, expected an optimizer of nnutils.optim"),
        ({"make": optim.SGD, "capture": True}, "got capture=True for a model on cpu, expected one on a CUDA device"),
    ],
)
def test_options_that_do_not_fit_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        learn(nn.Linear(2, 2), *points(), **change)


class Cached(nn.Linear):
    """A model that keeps what it has computed once, as one does with tables of positions."""

    table = None

    def forward(self, X):
        if self.table is None:
            self.table = X.new_ones(self.in_features)
        return super().forward(X * self.table)


@pytest.mark.parametrize("make", [lambda: Cached(2, 2), lambda: nn.Sequential(nn.LazyLinear(2))])
def test_a_model_can_be_evaluated_before_it_is_trained(make):
    model, (X, y) = make(), points()
    train.evaluate(model, X, y)
    learn(model, X, y)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_loss_in_a_narrow_dtype_is_summed_in_float32(dtype):
    X, y = torch.randn(60_000, 2).to(dtype), torch.zeros(60_000, dtype=torch.long)
    model = nn.Linear(2, 2).to(dtype)
    loss, _ = train.evaluate(model, X, y)
    means = [F.cross_entropy(model(part), y[: len(part)]).item() for part in X.split(1000)]
    assert loss == pytest.approx(sum(means) / len(means), rel=1e-5)


class Endless(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter([(torch.ones(2), torch.tensor(0))] * 6)


def test_a_stream_without_length_is_trained_on(tmp_path):
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loader = DataLoader(Endless(), batch_size=4)
    history = train.fit(model, loader, optimizer=optimizer, epochs=2, checkpoint=tmp_path / "run.pt", progress=False)
    assert len(history.step_loss) == 4


@pytest.mark.parametrize(
    ("loader", "message"),
    [
        (DataLoader([{"x": torch.ones(2), "y": 0}]), "fit: got a batch of type dict, expected a pair of tensors"),
        (DataLoader([(torch.ones(2), 0, 1)]), "fit: got a batch of 3 parts, expected a pair of tensors"),
        (
            DataLoader([(torch.ones(2), 0)], batch_size=2, drop_last=True),
            "fit: got data without a batch, expected at l",
        ),
    ],
)
def test_a_dataloader_that_does_not_give_pairs_is_refused(loader, message):
    model = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=message):
        train.fit(model, loader, optimizer=torch.optim.SGD(model.parameters(), lr=0.1), epochs=1, progress=False)


def test_a_loss_of_one_number_in_a_row_counts_as_the_number():
    X, y = points()
    history = learn(nn.Linear(2, 2), X, y, epochs=1, loss_fn=lambda logits, y: F.cross_entropy(logits, y)[None])
    assert len(history.step_loss) == 4


def test_a_run_that_diverged_can_be_told_to_another_process():
    history = train.History(step_loss=[1.0, math.inf], train_loss=[math.inf], lr=[0.1])
    error = pickle.loads(pickle.dumps(train.Diverged(history)))
    assert (error.step, error.history, str(error)) == (1, history, str(train.Diverged(history)))


def test_a_plateau_needs_validation_data():
    model, (X, y) = nn.Linear(2, 2), points()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer)
    with pytest.raises(ValueError, match="got ReduceLROnPlateau without validation data, expected both"):
        train.fit(model, (X, y), optimizer=optimizer, epochs=1, schedule=plateau, progress=False)


def test_fit_compiled_and_in_bfloat16_learns_the_same_to_rounding():
    split, losses = data.load("digits"), []
    for options in ({}, {"compile": True}, {"autocast": torch.bfloat16}):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))
        optimizer = optim.RMSprop(model.parameters(), lr=0.003)
        generator = torch.Generator().manual_seed(0)
        run = train.fit(model, split, optimizer=optimizer, epochs=3, generator=generator, progress=False, **options)
        losses.append(run.val_loss)
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert losses[2] == pytest.approx(losses[0], rel=0.05)
    assert losses[2] != losses[0]
