"""Normalization against torch.nn over several steps, closed gradients, folding, and what is refused."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler
from torch import nn

from nnutils import normalization
from nnutils.normalization import (
    BatchNorm1d,
    LayerNorm,
    batch_norm,
    batch_norm_backward,
    fold,
    layer_norm,
    layer_norm_backward,
    standardize,
)

TOLERANCE = {torch.float32: {"rtol": 1e-5, "atol": 1e-5}, torch.float64: {"rtol": 1e-10, "atol": 1e-12}}
SEEDS = st.integers(0, 99)

each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
each_shape = pytest.mark.parametrize("shape", [(3, 4), (8, 1), (2, 3, 5), (1, 4, 6)])


def assert_same(actual, expected):
    """Equal in shape, dtype and device, and in value to rounding; nan is never equal."""
    torch.testing.assert_close(actual, expected, **TOLERANCE.get(expected.dtype, {}))


def draw(seed, *shape, dtype=torch.float64):
    return (1 + 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).to(dtype)


def randomized(module, seed=0):
    """The module with weights, biases and running statistics that are neither 0 nor 1."""
    with torch.no_grad():
        for i, tensor in enumerate([*module.parameters(), *module.buffers()]):
            if tensor.is_floating_point():
                tensor.copy_(draw(seed + i, *tensor.shape).abs() + 0.5)
    return module


@settings(max_examples=30, deadline=None)
@given(samples=st.integers(1, 6), features=st.integers(1, 4), seed=SEEDS)
def test_standardize_equals_scikit_learn(samples, features, seed):
    train, test = draw(seed, samples, features), draw(seed + 1, 3, features)
    kept = train.clone()
    ours = standardize(train, test)
    scaler = StandardScaler().fit(train.numpy())
    for found, given_ in zip(ours, (train, test), strict=True):
        assert_same(found, torch.from_numpy(scaler.transform(given_.numpy())))
    assert torch.equal(train, kept)


@each_dtype
def test_standardized_training_features_have_mean_0_and_population_deviation_1(dtype):
    (X,) = standardize(draw(0, 50, 2, 3, dtype=dtype))
    assert_same(X.mean(0), torch.zeros(2, 3, dtype=dtype))
    assert_same(X.std(0, correction=0), torch.ones(2, 3, dtype=dtype))


def test_the_other_sets_have_no_say_in_the_statistics():
    train = draw(0, 5, 2)
    alone = standardize(train)
    assert torch.equal(standardize(train, 100 + draw(1, 7, 2), draw(2, 1, 2))[0], alone[0])


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6, -3e30])
def test_a_constant_feature_becomes_0_to_rounding(value):
    """Also where rounding gives it a deviation: 0.1 summed a thousand times is not 100 in float32."""
    train = torch.full((1000, 1), value)
    ours, other = standardize(train, train[:1] + 2)
    assert ours.abs().max() <= 1e-4 * abs(value)
    assert other.item() == pytest.approx(2, abs=1e-4 * abs(value) + 1e-6)


def test_a_deviation_that_underflows_divides_nothing_by_0():
    assert standardize(torch.tensor([[0.0], [1e-200]], dtype=torch.float64))[0].isfinite().all()


@each_dtype
@each_shape
def test_batch_norm_equals_torch_over_train_and_eval_steps(shape, dtype):
    ours, theirs = BatchNorm1d(shape[1], 1e-3, 0.3).to(dtype), nn.BatchNorm1d(shape[1], 1e-3, 0.3).to(dtype)
    theirs.load_state_dict(randomized(ours).state_dict())
    for step in range(6):
        for module in (ours, theirs):
            module.train(step not in (2, 5)).zero_grad()
        x = draw(step, *shape, dtype=dtype)
        by_us, by_torch = x.clone().requires_grad_(), x.clone().requires_grad_()
        y, expected = ours(by_us), theirs(by_torch)
        assert_same(y, expected)
        grad_out = draw(step + 100, *shape, dtype=dtype)
        y.backward(grad_out)
        expected.backward(grad_out)
        assert_same(by_us.grad, by_torch.grad)
        for mine, its in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert_same(mine.grad, its.grad)
        for name, value in theirs.state_dict().items():
            assert_same(ours.state_dict()[name], value)


@settings(max_examples=30, deadline=None)
@given(
    samples=st.integers(2, 5),
    features=st.integers(1, 4),
    length=st.integers(0, 3),
    training=st.booleans(),
    momentum=st.sampled_from([0.0, 0.1, 1.0]),
    seed=SEEDS,
)
def test_the_function_equals_torch_and_changes_no_input(samples, features, length, training, momentum, seed):
    x = draw(seed, samples, features, *[length] * (length > 0))
    inputs = {name: draw(seed + i, features).abs() + 0.1 for i, name in enumerate(("weight", "bias", "mean", "var"))}
    kept = {name: value.clone() for name, value in inputs.items()}
    y, mean, var = batch_norm(
        x,
        weight=inputs["weight"],
        bias=inputs["bias"],
        running_mean=inputs["mean"],
        running_var=inputs["var"],
        training=training,
        momentum=momentum,
    )
    assert all(torch.equal(inputs[name], value) for name, value in kept.items())
    # PyTorch changes its running statistics in place
    expected = F.batch_norm(x, kept["mean"], kept["var"], kept["weight"], kept["bias"], training, momentum)
    assert_same(y, expected)
    assert_same(mean, kept["mean"])
    assert_same(var, kept["var"])


@pytest.mark.parametrize("n", [2, 3, 4])
def test_the_batch_is_normalized_by_the_biased_variance_and_the_unbiased_one_is_remembered(n):
    x = torch.arange(n, dtype=torch.float64)[:, None]
    one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    start = {"weight": one, "bias": zero, "running_mean": zero, "running_var": zero}
    y, _, running_var = batch_norm(x, **start, training=True, momentum=1.0, eps=0.0)
    biased = (n**2 - 1) / 12
    assert (y**2).mean().item() == pytest.approx(1)
    assert y[-1].item() == pytest.approx((n - 1) / 2 / math.sqrt(biased))
    assert running_var.item() == pytest.approx(biased * n / (n - 1))


def test_momentum_is_the_share_of_the_new():
    layer = BatchNorm1d(1, momentum=0.1)
    layer(torch.tensor([[9.0], [11.0]]))
    assert layer.running_mean.item() == pytest.approx(1.0)


def test_running_statistics_hold_on_to_no_graph():
    x = draw(0, 4, 2).requires_grad_()
    one = torch.ones(2, dtype=torch.float64)
    y, mean, var = batch_norm(x, weight=one, bias=one, running_mean=one, running_var=one, training=True)
    assert y.requires_grad
    assert not mean.requires_grad
    assert not var.requires_grad


def batch_norm_backward_equals_autograd(backward, shape, dtype=torch.float64, eps=1e-2):
    x, grad_out = draw(0, *shape, dtype=dtype), draw(1, *shape, dtype=dtype)
    weight, bias = draw(2, shape[1], dtype=dtype), draw(3, shape[1], dtype=dtype)
    inputs = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
    y = F.batch_norm(inputs[0], None, None, inputs[1], inputs[2], True, 0.1, eps)
    for found, expected in zip(
        backward(grad_out, x, weight=weight, eps=eps), torch.autograd.grad(y, inputs, grad_out), strict=True
    ):
        assert_same(found, expected)


@each_dtype
@each_shape
def test_the_closed_gradient_of_batch_norm_equals_autograd(shape, dtype):
    batch_norm_backward_equals_autograd(batch_norm_backward, shape, dtype)


def test_a_gradient_that_takes_mean_and_variance_for_constants_is_found():
    """The planted fault."""

    def constants(grad_out, x, *, weight, eps):
        _, grad_weight, grad_bias = batch_norm_backward(grad_out, x, weight=weight, eps=eps)
        return grad_out * weight / torch.sqrt(x.var(0, correction=0) + eps), grad_weight, grad_bias

    with pytest.raises(AssertionError, match="not close"):
        batch_norm_backward_equals_autograd(constants, (5, 3))


def test_the_comparison_with_torch_finds_an_unbiased_variance(monkeypatch):
    """The planted fault, for both kinds: it would pass wherever a batch or a layer is large."""
    biased = torch.var_mean
    monkeypatch.setattr(normalization.torch, "var_mean", lambda *args, **kw: biased(*args, **kw | {"correction": 1}))
    with pytest.raises(AssertionError, match="not close"):
        test_batch_norm_equals_torch_over_train_and_eval_steps((3, 4), torch.float32)
    with pytest.raises(AssertionError, match="not close"):
        test_layer_norm_equals_torch((), (4,), torch.float32)


def test_the_defaults_are_those_of_torch():
    """With entries as small as the root of eps, so that it counts."""
    x, grad_out = 1e-3 * draw(0, 5, 3), draw(1, 5, 3)
    one, zero = torch.ones(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    running = {"running_mean": zero, "running_var": one}
    for ours, backward, theirs in (
        (
            partial(batch_norm, **running, training=True),
            batch_norm_backward,
            partial(F.batch_norm, **{name: value.clone() for name, value in running.items()}, training=True),
        ),
        (layer_norm, layer_norm_backward, partial(F.layer_norm, normalized_shape=(3,))),
    ):
        leaf = x.clone().requires_grad_()
        expected = theirs(leaf, weight=one, bias=zero)
        found = ours(x, weight=one, bias=zero)
        assert_same(found[0] if isinstance(found, tuple) else found, expected.detach())
        assert_same(backward(grad_out, x, weight=one)[0], torch.autograd.grad(expected, leaf, grad_out)[0])
    for ours, theirs in ((BatchNorm1d(3), nn.BatchNorm1d(3)), (LayerNorm(3), nn.LayerNorm(3))):
        assert_same(ours(x.float()), theirs(x.float()))
        assert_same(ours.eval()(x.float()), theirs.eval()(x.float()))


@pytest.mark.parametrize("pair", [(BatchNorm1d, nn.BatchNorm1d), (LayerNorm, nn.LayerNorm)])
def test_a_state_dict_of_torch_loads_and_ours_loads_there(pair):
    for source, goal in (pair, pair[::-1]):
        trained, fresh = randomized(source(4)), goal(4)
        fresh.load_state_dict(trained.state_dict())
        assert list(fresh.state_dict()) == list(trained.state_dict())
        x = draw(9, 3, 4, dtype=torch.float32)
        assert_same(fresh.eval()(x), trained.eval()(x))


@each_dtype
@pytest.mark.parametrize("leading", [(), (3,), (2, 3)])
@pytest.mark.parametrize("normalized", [(4,), (1,), (2, 3)])
def test_layer_norm_equals_torch(leading, normalized, dtype):
    shape = (*leading, *normalized)
    x, grad_out = draw(0, *shape, dtype=dtype), draw(1, *shape, dtype=dtype)
    weight, bias = draw(2, *normalized, dtype=dtype), draw(3, *normalized, dtype=dtype)
    ours, theirs = [[tensor.clone().requires_grad_() for tensor in (x, weight, bias)] for _ in range(2)]
    y = layer_norm(ours[0], weight=ours[1], bias=ours[2], eps=1e-2)
    expected = F.layer_norm(theirs[0], normalized, theirs[1], theirs[2], 1e-2)
    assert_same(y, expected)
    gradients = torch.autograd.grad(expected, theirs, grad_out)
    for found, closed, right in zip(
        torch.autograd.grad(y, ours, grad_out),
        layer_norm_backward(grad_out, x, weight=weight, eps=1e-2),
        gradients,
        strict=True,
    ):
        assert_same(found, right)
        assert_same(closed, right)


@pytest.mark.parametrize("normalized_shape", [4, (4,), [3, 4]])
def test_the_layer_equals_torch_in_training_and_evaluation(normalized_shape):
    ours, theirs = randomized(LayerNorm(normalized_shape, eps=1e-3)), nn.LayerNorm(normalized_shape, eps=1e-3)
    theirs.load_state_dict(ours.state_dict())
    x = draw(0, 2, 3, 4, dtype=torch.float32)
    for training in (True, False):
        assert_same(ours.train(training)(x), theirs(x))


def test_a_sample_is_normalized_apart_from_its_batch():
    layer, x = LayerNorm(4), draw(0, 3, 4, dtype=torch.float32)
    assert_same(layer(x)[1:2], layer(x[1:2]))


@each_dtype
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", [BatchNorm1d, nn.BatchNorm1d, partial(nn.BatchNorm1d, affine=False)])
def test_a_folded_layer_equals_the_two(kind, bias, dtype):
    norm = randomized(kind(5, 1e-3))
    linear, x = nn.Linear(3, 5, bias=bias).to(dtype), draw(0, 7, 3, dtype=dtype)
    norm = norm.to(dtype)
    before = {name: value.clone() for module in (linear, norm) for name, value in module.state_dict().items()}
    state = torch.get_rng_state()
    folded = fold(linear, norm)
    assert torch.equal(torch.get_rng_state(), state)
    assert type(folded) is nn.Linear
    assert norm.training
    after = {name: value for module in (linear, norm) for name, value in module.state_dict().items()}
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert_same(folded(x), norm.eval()(linear(x)))
    assert all(p.is_leaf and p.requires_grad for p in folded.parameters())


def test_folding_after_training_leaves_the_predictions_of_a_net():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2))
    for step in range(5):
        net(draw(step, 8, 4, dtype=torch.float32))
    x = draw(9, 3, 4, dtype=torch.float32)
    expected = net.eval()(x)
    assert_same(nn.Sequential(fold(net[0], net[1]), *net[2:])(x), expected)


X, FEATURES = torch.zeros(3, 2), torch.ones(2)
BATCH = {"weight": FEATURES, "bias": FEATURES, "running_mean": FEATURES, "running_var": FEATURES, "training": True}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: standardize(X[:0]), "standardize: got no training samples, expected at least one"),
        (
            lambda: standardize(X, X[:, :1]),
            r"got others\[0\] of shape \(3, 1\) for train of shape \(3, 2\), expected the",
        ),
        (lambda: standardize(X, X, X.long()), r"got others\[1\] of dtype torch.int64, expected a floating-point dtype"),
        (lambda: standardize(X, X.to("meta")), r"got train on cpu, others\[0\] on meta, expected one device"),
        (lambda: standardize(torch.tensor(1.0)), r"standardize: expected train of shape \(N, ...\), got \(\)"),
        (lambda: batch_norm(X[0], **BATCH), r"batch_norm: expected x of shape \(N, D, ...\), got \(2,\)"),
        (lambda: batch_norm(X.long(), **BATCH), "batch_norm: got x of dtype torch.int64, expected a floating-point"),
        (
            lambda: batch_norm(X[:1], **BATCH),
            r"batch_norm: got x of shape \(1, 2\), expected at least two values of each feature in training",
        ),
        (
            lambda: batch_norm(X, **BATCH | {"bias": FEATURES[:1]}),
            r"batch_norm: got bias of shape \(1,\) for x of shape \(3, 2\), expected shape \(2,\)",
        ),
        (lambda: batch_norm(X, **BATCH | {"running_var": None}), "expected running_var to be a torch.Tensor, got None"),
        (lambda: batch_norm(X, **BATCH | {"weight": FEATURES.to("meta")}), "got x on cpu, weight on meta"),
        (lambda: batch_norm(X, **BATCH, momentum=1.5), "batch_norm: got momentum=1.5, expected 0 <= momentum <= 1"),
        (lambda: batch_norm(X, **BATCH, eps=-1.0), "batch_norm: got eps=-1.0, expected a finite number, 0 or more"),
        (lambda: batch_norm_backward(X[0], X, weight=FEATURES), r"grad_out of shape \(2,\) and x of shape \(3, 2\)"),
        (
            lambda: batch_norm_backward(X, X[0], weight=FEATURES),
            r"batch_norm_backward: expected x of shape \(N, D, ...",
        ),
        (lambda: batch_norm_backward(X[:1], X[:1], weight=FEATURES), "batch_norm_backward: .* at least two values"),
        (lambda: batch_norm_backward(X, X, weight=FEATURES[:1]), r"batch_norm_backward: got weight of shape \(1,\)"),
        (
            lambda: batch_norm_backward(X.long(), X, weight=FEATURES),
            "batch_norm_backward: got grad_out of dtype torch.i",
        ),
        (lambda: batch_norm_backward(X.to("meta"), X, weight=FEATURES), "got grad_out on meta, x on cpu"),
        (lambda: BatchNorm1d(3)(X), r"got weight of shape \(3,\) for x of shape \(3, 2\), expected shape \(2,\)"),
        (lambda: BatchNorm1d(2)(X[:1]), "batch_norm: .* expected at least two values of each feature in training"),
        (lambda: BatchNorm1d(0), "BatchNorm1d: got num_features=0, expected a whole number, 1 or more"),
        (lambda: BatchNorm1d(2, momentum=-0.1), "BatchNorm1d: got momentum=-0.1"),
        (lambda: BatchNorm1d(2, eps=math.nan), "BatchNorm1d: got eps=nan"),
        (
            lambda: layer_norm(X, weight=torch.ones(3), bias=torch.ones(3)),
            r"layer_norm: got weight of shape \(3,\) for x of shape \(3, 2\), expected shape \(2,\)",
        ),
        (lambda: layer_norm(X, weight=FEATURES, bias=torch.ones(3)), r"layer_norm: got bias of shape \(3,\)"),
        (lambda: layer_norm(X, weight=torch.ones(()), bias=FEATURES), r"expected weight of shape \(D, ...\), got \(\)"),
        (lambda: layer_norm_backward(X, X, weight=torch.ones(3)), r"layer_norm_backward: got weight of shape \(3,\)"),
        (
            lambda: layer_norm_backward(X, X, weight=torch.ones(())),
            r"layer_norm_backward: expected weight of shape \(D,",
        ),
        (lambda: layer_norm_backward(X[:1], X, weight=FEATURES), r"grad_out of shape \(1, 2\) and x of shape \(3, 2\)"),
        (lambda: LayerNorm(3)(X), r"layer_norm: got weight of shape \(3,\)"),
        (lambda: LayerNorm((2, 0)), "LayerNorm: got normalized_shape=0, expected a whole number, 1 or more"),
        (lambda: LayerNorm(2, eps=-1), "LayerNorm: got eps=-1"),
        (
            lambda: fold(nn.BatchNorm1d(2), nn.Linear(2, 2)),
            "fold: got BatchNorm1d and Linear, expected nn.Linear and Batch",
        ),
        (lambda: fold(nn.Linear(2, 2), nn.BatchNorm2d(2)), "fold: got Linear and BatchNorm2d"),
        (lambda: fold(nn.Linear(2, 3), BatchNorm1d(2)), "linear layer with 3 outputs and a batch norm of 2 features"),
        (
            lambda: fold(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False)),
            "fold: got a batch norm without running statistics, expected track_running_stats=True",
        ),
        (lambda: fold(nn.Linear(2, 2), BatchNorm1d(2).to("meta")), "fold: got linear on cpu, batch_norm on meta"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_one_sample_is_refused_where_torch_refuses_it():
    """And taken where it has several values of each feature, or in evaluation mode."""
    for kind in (BatchNorm1d, nn.BatchNorm1d):
        with pytest.raises(ValueError, match=r"(at least two|more than 1) value"):
            kind(2)(X[:1])
        assert kind(2)(torch.zeros(1, 2, 3)).shape == (1, 2, 3)
        assert kind(2).eval()(X[:1]).shape == (1, 2)
