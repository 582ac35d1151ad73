"""The diagnostics against closed forms, autograd and loops written out here, and that they leave no trace."""

import contextlib
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nnutils import diagnostics
from nnutils.regularization import Dropout


class Failing(nn.Module):
    def forward(self, x):
        raise RuntimeError("planted")


def noisy_model(*more):
    """A model with everything that a forward pass can move: running statistics, dropout, modes that differ."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 3))
    F.cross_entropy(model(torch.randn(6, 4)), torch.zeros(6, dtype=torch.int64)).backward()
    model[3].eval()
    model[4].weight.requires_grad_(False)
    model.extend(more)
    return model


def everything(model):
    return {
        "state": {key: value.clone() for key, value in model.state_dict().items()},
        "identity": [id(t) for t in (*model.parameters(), *model.buffers())],
        "grad": [None if p.grad is None else (id(p.grad), p.grad.clone()) for p in model.parameters()],
        "flags": [p.requires_grad for p in model.parameters()],
        "modes": [module.training for module in model.modules()],
        "hooks": [len(module._forward_hooks) for module in model.modules()],
        "random": torch.get_rng_state(),
    }


X, y = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 0, 1, 2])
MEASURES = {
    "activations": lambda model: diagnostics.collect_activations(model, X),
    "activation statistics": lambda model: diagnostics.activation_statistics(model, X),
    "gradients": lambda model: diagnostics.collect_gradients(model, X, y),
    "gradient statistics": lambda model: diagnostics.gradient_statistics(model, X, y),
    "range test": lambda model: diagnostics.learning_rate_range_test(model, [(X, y)], [0.1, 1.0, 10.0]),
}


@pytest.mark.parametrize("measure", MEASURES)
def test_a_measure_leaves_the_model_as_it_was(measure):
    model = noisy_model()
    before = everything(model)
    MEASURES[measure](model)
    torch.testing.assert_close(everything(model), before, rtol=0, atol=0)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_measure_leaves_the_model_as_it_was_when_it_raises(measure):
    model = noisy_model(Failing())
    before = everything(model)
    with pytest.raises(RuntimeError, match="planted"):
        MEASURES[measure](model)
    torch.testing.assert_close(everything(model), before, rtol=0, atol=0)


@pytest.mark.parametrize("measure", ["activations", "gradients"])
def test_the_comparison_finds_a_measure_that_leaves_a_trace(measure, monkeypatch):
    monkeypatch.setattr(diagnostics, "_unchanged", lambda model: contextlib.nullcontext())
    with pytest.raises(AssertionError):
        test_a_measure_leaves_the_model_as_it_was(measure)


def test_a_buffer_that_a_forward_pass_replaces_comes_back():
    class Counter(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls = self.calls + 1
            return x

    model = nn.Sequential(Counter(), nn.ReLU())
    kept = model[0].calls
    diagnostics.activation_statistics(model, X)
    assert model[0].calls is kept
    assert kept == 0


@given(rows=st.integers(2, 5), width=st.integers(2, 6), dtype=st.sampled_from([torch.float32, torch.float64]))
@settings(max_examples=15, deadline=None)
def test_activation_statistics_are_those_of_the_layers_computed_one_by_one(rows, width, dtype):
    torch.manual_seed(rows * 10 + width)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(width, 7), nn.ReLU(inplace=True), nn.Dropout(0.1), nn.Linear(7, 5), nn.Tanh()
    ).to(dtype)
    inputs = torch.randn(rows, 1, width, dtype=dtype)
    model.eval()
    first = torch.relu(inputs.flatten(1) @ model[1].weight.T + model[1].bias)
    second = torch.tanh(first @ model[4].weight.T + model[4].bias)
    found = diagnostics.activation_statistics(model, inputs)
    assert [layer.name for layer in found] == ["2", "5"]
    for layer, expected in zip(found, (first, second), strict=True):
        assert layer.mean == pytest.approx(expected.mean().item(), abs=1e-6)
        assert layer.std == pytest.approx(expected.std(unbiased=True).item(), rel=1e-5)
        assert layer.dead == pytest.approx((expected.abs().sum(0) == 0).double().mean().item())


def test_a_leaf_that_is_no_activation_is_not_measured():
    others = [
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Dropout1d(),
        Dropout(0.5),
        nn.Identity(),
        nn.Sequential(),
        nn.Linear(4, 4),
    ]
    model = nn.Sequential(*others, nn.Unflatten(1, (1, 4)), nn.MaxPool1d(2), nn.Flatten(), nn.GELU())
    assert list(diagnostics.collect_activations(model, X)) == [str(len(model) - 1)]


def test_activations_come_in_the_order_of_the_forward_pass():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first = nn.Sigmoid(), nn.Tanh()

        def forward(self, x):
            return self.last(self.first(x))

    assert list(diagnostics.collect_activations(Backwards(), X)) == ["first", "last"]


def test_a_module_that_is_called_again_is_counted():
    act = nn.ReLU()
    assert list(diagnostics.collect_activations(nn.Sequential(act, nn.Linear(4, 4), act), X)) == ["0", "0 (call 2)"]


def test_a_model_of_one_activation_is_named_by_its_class():
    assert list(diagnostics.collect_activations(nn.ReLU(), X)) == ["ReLU"]


def test_an_activation_is_recorded_before_the_next_module_works_in_place():
    found = diagnostics.collect_activations(nn.Sequential(nn.Tanh(), nn.ReLU(inplace=True)), X.clone())
    torch.testing.assert_close(found["0"], torch.tanh(X))


@pytest.mark.parametrize(("module", "f"), [(nn.Sigmoid(), torch.sigmoid), (nn.Tanh(), torch.tanh)])
def test_saturated_entries_have_less_than_a_twentyfifth_of_the_steepest_slope(module, f):
    z = torch.linspace(-8, 8, 4001, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(f(z).sum(), z)
    (layer,) = diagnostics.activation_statistics(module, z.detach()[:, None])
    assert layer.saturated == pytest.approx((slope < 0.0396 * slope.max()).double().mean().item(), abs=1e-3)


def test_saturation_has_no_meaning_for_relu():
    assert diagnostics.activation_statistics(nn.ReLU(), X)[0].saturated is None


def test_the_spread_of_a_single_number_is_not_a_number():
    assert math.isnan(diagnostics.activation_statistics(nn.ReLU(), torch.ones(1, 1))[0].std)


def test_a_channel_is_dead_only_when_every_position_is_zero():
    images = torch.zeros(2, 3, 4, 4)
    images[1, 0, 2, 2] = 1.0
    assert diagnostics.dead_fraction(images) == pytest.approx(2 / 3)


def test_a_unit_is_dead_at_exactly_zero_only():
    assert diagnostics.dead_fraction(torch.tensor([[1e-30, 0.0, -0.0, -1.0]])) == 0.5


def test_saturated_counts_both_ends_and_their_bounds():
    assert diagnostics.saturated_fraction(torch.tensor([0.0, 0.25, 0.5, 1.0, 2.0]), low=0.25, high=1.0) == 0.8


def test_no_entries_have_no_share():
    assert math.isnan(diagnostics.saturated_fraction(torch.zeros(0), low=0.0, high=1.0))


def test_gradients_are_those_of_backward():
    model = noisy_model().eval()
    found = diagnostics.collect_gradients(model, X, y)
    model.zero_grad()
    F.cross_entropy(model(X), y).backward()
    expected = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    assert "4.weight" not in found
    torch.testing.assert_close(found, expected)
    for name, numbers in diagnostics.gradient_statistics(model, X, y).items():
        assert numbers.norm == pytest.approx(expected[name].norm().item(), rel=1e-5)
        assert numbers.mean == pytest.approx(expected[name].mean().item(), abs=1e-6)
        assert numbers.std == pytest.approx(expected[name].std().item(), rel=1e-5)


def test_gradients_are_found_where_the_caller_has_switched_them_off():
    with torch.no_grad():
        assert diagnostics.gradient_statistics(nn.Linear(4, 3), X, y)["bias"].norm > 0


def test_a_parameter_that_the_loss_does_not_use_has_a_gradient_of_zeros():
    model = nn.Linear(4, 3)
    model.extra = nn.Parameter(torch.ones(2))
    assert diagnostics.gradient_statistics(model, X, y)["extra"].norm == 0


@given(shape=st.lists(st.integers(1, 3), max_size=3), h=st.sampled_from([1e-4, 1e-5, 1e-6]))
@settings(max_examples=25, deadline=None)
def test_central_differences_agree_with_autograd(shape, h):
    x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(len(shape)))

    def f(x):
        return (x.sin() * x.exp()).sum() + x.pow(3).mean()

    point = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(f(point), point)
    torch.testing.assert_close(diagnostics.numerical_gradient(f, x, h=h), expected, rtol=1e-6, atol=1e-7)
    assert diagnostics.check_gradient(f, x, h=h).error < 1e-7


def test_the_differences_are_central_and_of_second_order():
    """Of a cubic the error is exactly h squared; a forward difference would be off by 3 x h."""
    found = diagnostics.numerical_gradient(lambda x: x**3, torch.tensor(2.0, dtype=torch.float64), h=0.1)
    assert found.item() == pytest.approx(12 + 0.01, abs=1e-12)


def test_differences_of_a_float32_point_are_taken_in_float64():
    x = torch.tensor([1.0, 2.0])
    seen = []
    found = diagnostics.numerical_gradient(lambda x: seen.append(x.dtype) or float((x**2).sum()), x)
    assert set(seen) == {torch.float64}
    assert found.dtype == torch.float32
    assert found.tolist() == [2.0, 4.0]


def test_f_may_keep_and_change_what_it_is_given():
    x = torch.arange(6.0).reshape(2, 3).T
    before = x.clone()
    kept = []

    def f(x):
        kept.append(x)
        total = (x**2).sum()
        x.zero_()
        return total

    torch.testing.assert_close(diagnostics.numerical_gradient(f, x), 2 * before)
    assert torch.equal(x, before)
    assert len({id(point) for point in kept}) == 12


def test_f_may_return_a_tensor_that_requires_a_gradient():
    w = torch.ones(2, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(diagnostics.numerical_gradient(lambda x: (w * x).sum(), torch.ones(2)), torch.ones(2))


def test_the_check_passes_a_right_network_and_names_the_worst_entry_of_a_wrong_gradient():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()

    def loss(x):
        return F.cross_entropy(model(x), y)

    point = X.double().requires_grad_()
    (right,) = torch.autograd.grad(loss(point), point)
    assert diagnostics.check_gradient(loss, X, right).error < 1e-7
    wrong = right.clone()
    wrong[3, 1] += 0.5
    found = diagnostics.check_gradient(loss, X, wrong)
    assert found.error > 1e-2
    assert found.worst == (3, 1)
    assert found.given - found.numerical == pytest.approx(0.5)
    assert "[3, 1]" in str(found)


def test_the_check_finds_a_gradient_that_autograd_gets_wrong():
    class Planted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx, grad):
            return -grad * ctx.saved_tensors[0].cos()

    assert diagnostics.check_gradient(lambda x: Planted.apply(x).sum(), X).error == pytest.approx(1.0)


def test_two_gradients_of_zero_agree():
    assert diagnostics.check_gradient(lambda x: (0 * x).sum(), torch.ones(2)).error == 0


def hand_written_range_test(model, batches, lrs):
    weights = {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}
    losses = []
    for i, lr in enumerate(lrs):
        inputs, targets = batches[i % len(batches)]
        loss = F.cross_entropy(torch.func.functional_call(model, weights, (inputs,)), targets)
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, list(weights.values()))
        weights = {
            name: (w - lr * g).detach().requires_grad_()
            for (name, w), g in zip(weights.items(), gradients, strict=True)
        }
    return losses


def test_the_range_test_takes_one_plain_step_at_each_rate_and_starts_the_batches_over():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    batches = [(X[:4], y[:4]), (X[4:], y[4:])]
    lrs = [0.01, 0.1, 0.5, 1.0, 2.0]
    found = diagnostics.learning_rate_range_test(model, batches, lrs)
    assert found == pytest.approx(hand_written_range_test(model, batches, lrs), rel=1e-5)


def test_the_range_test_takes_another_optimizer_at_the_same_rates():
    torch.manual_seed(0)
    model, lrs = nn.Linear(4, 3), [0.1, 0.2, 0.3]
    found = diagnostics.learning_rate_range_test(
        model, [(X, y)], lrs, optimizer=lambda params: torch.optim.Adam(params, lr=1e9)
    )
    optimizer, expected = torch.optim.Adam(model.parameters()), []
    for lr in lrs:
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        loss = F.cross_entropy(model(X), y)
        loss.backward()
        optimizer.step()
        expected.append(loss.item())
    assert found == pytest.approx(expected)


def test_the_range_test_records_a_loss_that_is_no_number_and_goes_on():
    found = diagnostics.learning_rate_range_test(
        nn.Linear(4, 1), [(X, y[:, None].float())], [1e30, 1e30, 1.0], loss_fn=F.mse_loss
    )
    assert math.isfinite(found[0])
    assert not math.isfinite(found[2])


def test_the_range_test_trains_in_train_mode():
    model = nn.Sequential(nn.Dropout(1.0), nn.Linear(4, 3, bias=False)).eval()
    assert diagnostics.learning_rate_range_test(model, [(X, y)], [0.1]) == pytest.approx([math.log(3)])


def test_the_range_test_takes_an_iterator_with_enough_batches():
    assert len(diagnostics.learning_rate_range_test(nn.Linear(4, 3), iter([(X, y)] * 2), [0.1, 0.1])) == 2


def test_update_ratios_of_gradient_descent_are_rate_times_gradient_over_weight():
    torch.manual_seed(0)
    model = nn.Linear(4, 3)
    F.cross_entropy(model(X), y).backward()
    expected = {name: (0.1 * p.grad.norm() / p.norm()).item() for name, p in model.named_parameters()}
    found = diagnostics.update_ratios(model, torch.optim.SGD(model.parameters(), lr=0.1).step)
    assert found == pytest.approx(expected, rel=1e-4)


def test_update_ratios_of_a_parameter_at_zero():
    model = nn.Linear(4, 3)
    nn.init.zeros_(model.bias)
    model.weight.requires_grad_(False)
    model.bias.grad = torch.ones(3)
    assert diagnostics.update_ratios(model, lambda: None) == {"bias": 0.0}
    assert diagnostics.update_ratios(model, torch.optim.SGD([model.bias], lr=0.1).step) == {"bias": math.inf}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: diagnostics.activation_statistics(nn.ReLU(), torch.ones(3)),
            r"activations of shape \(N, units, ...\)",
        ),
        (lambda: diagnostics.saturated_fraction(X, low=1.0, high=0.0), "got low=1.0 and high=0.0, expected low < high"),
        (lambda: diagnostics.collect_gradients(nn.Linear(4, 3), X, y[:2]), "got 6 rows and 2 targets"),
        (lambda: diagnostics.collect_gradients(nn.Linear(4, 3), X, y.to("meta")), "y on meta, expected one device"),
        (lambda: diagnostics.collect_gradients(nn.ReLU(), X, y), "no parameter of the model requires a gradient"),
        (lambda: diagnostics.numerical_gradient(torch.sum, X, h=0.0), "got h=0.0, expected a finite number above 0"),
        (lambda: diagnostics.numerical_gradient(lambda x: x, X), r"numerical_gradient: f returned .* shape \(6, 4\)"),
        (lambda: diagnostics.check_gradient(lambda x: x, X), r"check_gradient: f returned a tensor of shape \(6, 4\)"),
        (lambda: diagnostics.check_gradient(lambda x: 1.0, X), "autograd finds no way from f.x. back to x"),
        (lambda: diagnostics.check_gradient(torch.sum, X, X[0]), r"gradient of shape \(4,\), expected one shape"),
        (lambda: diagnostics.check_gradient(torch.sum, X[:0]), r"got x of shape \(0, 4\), expected at least one entry"),
        (lambda: diagnostics.learning_rate_range_test(nn.Linear(4, 3), [(X, y)], [0.1, -1.0]), "got lr=-1.0"),
        (
            lambda: diagnostics.learning_rate_range_test(
                nn.Linear(4, 3), [(X, y)], [0.1], optimizer=lambda p: torch.optim.SGD(nn.Linear(4, 3).parameters())
            ),
            "holds no parameter of the copy that requires a gradient",
        ),
        (lambda: diagnostics.collect_activations(nn.ReLU(), [[1.0]]), "expected X to be a torch.Tensor, got list"),
        (lambda: diagnostics.collect_activations(nn.Linear(4, 3), X.to("meta")), "model on cpu, X on meta, expected"),
        (lambda: diagnostics.collect_gradients(nn.Linear(4, 3), X, [0] * 6), "expected y to be a torch.Tensor"),
        (
            lambda: diagnostics.collect_gradients(nn.Linear(4, 3), X, y, loss_fn=lambda z, y: z.detach().sum()),
            "collect_gradients: loss_fn returned a tensor of shape .., expected a 0-d tensor that depends on",
        ),
        (lambda: diagnostics.saturated_fraction([0.5], low=0.0, high=1.0), "expected activations to be a torch.Tensor"),
        (lambda: diagnostics.numerical_gradient(torch.sum, y), "got x of dtype torch.int64, expected a floating-point"),
        (
            lambda: diagnostics.numerical_gradient(lambda x: None, X),
            "f returned None, expected a 0-d tensor or a number",
        ),
        (lambda: diagnostics.check_gradient(torch.sum, y), "check_gradient: got x of dtype torch.int64"),
        (lambda: diagnostics.check_gradient(torch.sum, X[0], [1.0] * 4), "expected gradient to be a torch.Tensor"),
        (lambda: diagnostics.update_ratios(nn.Linear(4, 3), None), "got None as step, expected .* optimizer.step"),
        (
            lambda: diagnostics.learning_rate_range_test(nn.Linear(4, 3), iter([(X, y)]), [0.1] * 2),
            "batches have ended",
        ),
    ],
)
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_rates_may_come_from_a_generator():
    losses = diagnostics.learning_rate_range_test(nn.Linear(4, 3), [(X, y)], (rate for rate in (0.1, 0.2)))
    assert len(losses) == 2


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_a_batch_without_entries_has_no_share_of_dead_units(shape):
    assert math.isnan(diagnostics.dead_fraction(torch.zeros(shape)))
