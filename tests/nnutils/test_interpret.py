"""Looking inside a network: closed forms for linear nets, and that the network is only looked at."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from torch import nn

from nnutils import data, interpret


class Failing(nn.Module):
    def forward(self, x):
        raise RuntimeError("planted")


def small_model(*more):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(5, 3))
    F.cross_entropy(model(torch.randn(6, 4)), torch.zeros(6, dtype=torch.int64)).backward()
    model[3].eval()
    model[0].weight.requires_grad_(False)
    model.extend(more)
    return model


def everything(model):
    return {
        "state": {key: value.clone() for key, value in model.state_dict().items()},
        "grad": [None if p.grad is None else (id(p.grad), p.grad.clone()) for p in model.parameters()],
        "flags": [p.requires_grad for p in model.parameters()],
        "modes": [module.training for module in model.modules()],
        "hooks": [len(module._forward_hooks) for module in model.modules()],
        "random": torch.get_rng_state(),
    }


X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
LOOKS = {
    "maximize an output": lambda model: interpret.maximize_activation(model, 1, start=X[0]),
    "maximize inside": lambda model: interpret.maximize_activation(
        model, ("2", 0), shape=(4,), generator=torch.Generator().manual_seed(0)
    ),
    "features": lambda model: interpret.features(model, X, layer="2"),
}


@pytest.mark.parametrize("look", LOOKS)
def test_the_network_is_only_looked_at(look):
    model = small_model()
    before = everything(model)
    LOOKS[look](model)
    torch.testing.assert_close(everything(model), before, rtol=0, atol=0)


@pytest.mark.parametrize("look", LOOKS)
def test_the_network_is_as_it_was_when_it_raises(look):
    model = small_model(Failing())
    before = everything(model)
    with pytest.raises(RuntimeError, match="planted"):
        LOOKS[look](model)
    torch.testing.assert_close(everything(model), before, rtol=0, atol=0)


def test_the_comparison_finds_an_ascent_whose_gradient_reaches_the_weights(monkeypatch):
    """The planted fault: a backward pass through everything, in place of the gradient of the image alone."""

    def backward(objective, image):
        objective.backward()
        return (image.grad,)

    monkeypatch.setattr(torch.autograd, "grad", backward)
    with pytest.raises(AssertionError):
        test_the_network_is_only_looked_at("maximize an output")


@given(
    size=st.integers(1, 6), l2=st.sampled_from([0.05, 0.5, 2.0]), dtype=st.sampled_from([torch.float32, torch.float64])
)
@settings(max_examples=15, deadline=None)
def test_the_ascent_of_a_linear_unit_ends_at_its_weights_over_twice_the_penalty(size, l2, dtype):
    torch.manual_seed(size)
    model = nn.Linear(size, 2).to(dtype)
    found = interpret.maximize_activation(model, 1, shape=(size,), l2=l2, lr=0.4 / l2, steps=60)
    assert found.dtype == dtype
    torch.testing.assert_close(found, model.weight[1].detach() / (2 * l2), rtol=1e-3, atol=1e-4)


def test_each_step_goes_up_the_penalized_activation():
    model = small_model()
    start = X[0].double()
    model = model.double()
    x = start.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model.eval()(x[None])[0, 2] - 0.3 * (x**2).sum(), x)
    found = interpret.maximize_activation(model, 2, start=start, steps=1, lr=0.2, l2=0.3)
    torch.testing.assert_close(found, start + 0.2 * gradient)


def test_the_ascent_raises_the_activation_of_a_unit_inside():
    model = small_model()

    def response(x):
        return model.eval()[:3](x[None])[0, 1].item()

    start = 0.01 * torch.ones(4)
    assert response(interpret.maximize_activation(model, (model[2], 1), start=start, l2=0.0)) > response(start) + 0.1


def test_no_steps_give_the_start_as_a_copy():
    start = X[0].clone()
    found = interpret.maximize_activation(small_model(), 0, start=start, steps=0)
    assert torch.equal(found, start)
    assert found is not start


def test_the_start_is_not_changed_and_may_require_a_gradient():
    start = X[0].clone().requires_grad_()
    model = small_model()
    with torch.no_grad():
        interpret.maximize_activation(model, 0, start=start)
    assert torch.equal(start, X[0])
    assert start.grad is None


def test_the_same_generator_gives_the_same_image():
    first, second = (LOOKS["maximize inside"](small_model()) for _ in range(2))
    assert torch.equal(first, second)


def test_a_channel_is_maximized_by_its_mean_and_an_entry_by_itself():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False))
    l2, one = 0.5, torch.zeros(2, 2)
    one[0, 1] = 1.0
    for index, weights in ((1, torch.full((2, 2), 0.25)), ((1, 0, 1), one)):
        found = interpret.maximize_activation(model, index, shape=(1, 4, 4), l2=l2, lr=0.5, steps=40)
        expected = F.conv_transpose2d(weights[None, None], model[0].weight[1:].detach()) / (2 * l2)
        torch.testing.assert_close(found, expected[0], rtol=1e-3, atol=1e-4)


def test_filters_of_a_linear_layer_are_its_rows_as_images():
    model = nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(6, 4)), nn.Linear(4, 2))
    found = interpret.first_layer_filters(model, (2, 3))
    assert torch.equal(found[1].flatten(), model[1][0].weight[1])
    assert not found.requires_grad
    found.zero_()
    assert model[1][0].weight.abs().sum() > 0


def test_filters_of_a_convolution_are_its_kernels():
    model = nn.Sequential(nn.Conv2d(2, 3, (4, 5)), nn.Flatten(), nn.Linear(4, 2))
    found = interpret.first_layer_filters(model)
    assert found.shape == (6, 4, 5)
    assert torch.equal(found[2 * 2 + 1], model[0].weight[2, 1])


@given(rows=st.integers(1, 6), batch_size=st.integers(1, 7))
@settings(max_examples=15, deadline=None)
def test_features_are_what_the_layer_puts_out_in_evaluation_mode(rows, batch_size):
    model = small_model()
    found = interpret.features(model, X[:rows], layer="1", batch_size=batch_size)
    assert not found.requires_grad
    torch.testing.assert_close(found, model.eval()[:2](X[:rows]).detach())


def test_features_of_a_layer_given_as_a_module_and_of_the_whole_model():
    model = small_model()
    torch.testing.assert_close(
        interpret.features(model, X, layer=model[1]), interpret.features(model, X, layer="1"), rtol=0, atol=0
    )
    torch.testing.assert_close(interpret.features(model, X, layer=model), model.eval()(X).detach())


def test_a_probe_is_a_logistic_regression_on_standardized_features():
    digits = data.load("digits")
    mean, std = digits.X_train.mean(0), digits.X_train.std(0, unbiased=False)
    std[std == 0] = 1.0
    reference = LogisticRegression(max_iter=1000).fit((digits.X_train - mean) / std, digits.y_train)
    expected = reference.score((digits.X_val - mean) / std, digits.y_val)
    found = interpret.linear_probe(
        digits.X_train.reshape(-1, 8, 8),
        digits.y_train,
        validation=(digits.X_val.reshape(-1, 8, 8), digits.y_val),
    )
    assert found == pytest.approx(expected, abs=0.006)


def test_a_probe_finds_nothing_in_noise():
    noise = torch.randn(400, 3, generator=torch.Generator().manual_seed(0))
    y = torch.arange(400) % 2
    assert interpret.linear_probe(noise[:200], y[:200], validation=(noise[200:], y[200:])) < 0.62


def test_a_probe_does_not_depend_on_the_scale_of_a_feature():
    features, y = torch.randn(60, 3, generator=torch.Generator().manual_seed(1)), torch.arange(60) % 3
    scaled = features * torch.tensor([1.0, 1e4, 1e-4])
    accuracies = [interpret.linear_probe(f, y, validation=(f, y)) for f in (features, scaled)]
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.02)


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(4, 3), nn.ReLU()

    def forward(self, x):
        return self.used(x)


Y = torch.tensor([0, 1, 0, 1, 0, 1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: interpret.maximize_activation(Branch(), 0), "expected one of shape and start, got neither"),
        (lambda: interpret.maximize_activation(Branch(), 0, shape=(4,), start=X[0]), "got both"),
        (lambda: interpret.maximize_activation(Branch(), 0, shape=(4,), steps=-1), "got steps=-1"),
        (lambda: interpret.maximize_activation(Branch(), 0, shape=(4,), lr=0.0), "got lr=0.0"),
        (lambda: interpret.maximize_activation(Branch(), 0, shape=(4,), l2=-1.0), "got l2=-1.0"),
        (lambda: interpret.maximize_activation(Branch(), 0, start=Y[:4]), "torch.int64"),
        (lambda: interpret.maximize_activation(Branch(), 3, shape=(4,)), r"got unit 3, .* output of shape \(3,\)"),
        (lambda: interpret.maximize_activation(Branch(), ("usd", 0), shape=(4,)), "'usd', .* did you mean 'used'"),
        (lambda: interpret.maximize_activation(Branch(), (nn.ReLU(), 0), shape=(4,)), "got a ReLU that is no part"),
        (lambda: interpret.features(Branch(), X, layer="unused"), "features: the forward pass .* does not call this"),
        (lambda: interpret.features(Branch(), X, layer="used", batch_size=0), "got batch_size=0"),
        (lambda: interpret.maximize_activation(Branch(), None, shape=(4,)), "got unit None, expected an index"),
        (
            lambda: interpret.maximize_activation(Branch(), ("used", True), shape=(4,)),
            "got unit True, expected an index",
        ),
        (lambda: interpret.features(Branch(), [[1.0]], layer="used"), "expected X to be a torch.Tensor, got list"),
        (
            lambda: interpret.features(Branch(), X.to("meta"), layer="used"),
            "model on cpu, X on meta, expected one device",
        ),
        (lambda: interpret.linear_probe(X[:, 0], Y, validation=(X[:, 0], Y)), r"features of shape \(N, D, ...\), got"),
        (lambda: interpret.linear_probe(X, Y, validation=(X[:0], Y[:0])), "got 0 rows .* at least one"),
        (lambda: interpret.linear_probe(X, Y, validation=(X[:, :2], Y)), r"validation, \(6, 2\), expected rows of one"),
        (lambda: interpret.linear_probe(X, Y / 2, validation=(X, Y)), "got targets of dtype torch.float32"),
        (lambda: interpret.linear_probe(X / 0, Y, validation=(X, Y)), "features that are inf or nan, expected finite"),
        (lambda: interpret.first_layer_filters(nn.ReLU()), "has no nn.Linear and no nn.Conv2d"),
        (lambda: interpret.first_layer_filters(Branch(), (2, 3)), r"image_shape=\(2, 3\) for a layer of 4 inputs"),
        (lambda: interpret.first_layer_filters(Branch()), "got image_shape=None"),
        (lambda: interpret.linear_probe(X, Y[:2], validation=(X, Y)), "got 6 rows of features and 2 targets"),
        (lambda: interpret.linear_probe(X, Y, validation=(X, Y[:, None])), r"expected y of shape \(N,\), got \(6, 1\)"),
        (lambda: interpret.linear_probe(X, 0 * Y, validation=(X, Y)), "expected at least two classes"),
        (lambda: interpret.linear_probe(X, Y, validation=(X, Y), C=0.0), "got C=0.0"),
        (lambda: interpret.linear_probe(X, Y, validation=(X, Y), max_iter=0), "got max_iter=0"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_a_probe_takes_features_of_half_precision():
    half = X.bfloat16()
    assert interpret.linear_probe(half, Y, validation=(half, Y)) == interpret.linear_probe(
        half.float(), Y, validation=(half.float(), Y)
    )
