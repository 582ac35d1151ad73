"""The activations against torch.nn.functional, their derivatives against autograd and differences, and the extremes."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nnutils import activations
from nnutils.activations import ACTIVATIONS, Activation, log_softmax, softmax, softmax_jacobian

TORCH = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "gelu": F.gelu,
    "silu": F.silu,
}
TOLERANCE = {torch.float32: {"rtol": 1e-5, "atol": 1e-6}, torch.float64: {"rtol": 1e-12, "atol": 1e-14}}
DTYPES = st.sampled_from(list(TOLERANCE))
SHAPES = st.lists(st.integers(0, 4), max_size=3)
EXTREMES = [-800.0, -100.0, -20.0, -1e-3, 0.0, 1e-3, 20.0, 100.0, 800.0]

each_activation = pytest.mark.parametrize("name", ACTIVATIONS)
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)


def draw(shape, dtype, seed, scale=3.0):
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def by_autograd(function, z):
    z = z.clone().requires_grad_()
    return torch.autograd.grad(function(z).sum(), z)[0]


def assert_same(actual, expected):
    """Equal in shape, dtype and device, and in value to rounding; nan is never equal."""
    torch.testing.assert_close(actual, expected, **TOLERANCE[expected.dtype])


@each_activation
@settings(max_examples=25, deadline=None)
@given(shape=SHAPES, dtype=DTYPES, seed=st.integers(0, 99))
@example(shape=[], dtype=torch.float32, seed=0)
@example(shape=[0], dtype=torch.float64, seed=0)
def test_value_gradient_and_derivative_equal_torch_for_any_shape(name, shape, dtype, seed):
    z = draw(shape, dtype, seed)
    kept = z.clone()
    assert_same(ACTIVATIONS[name].value(z), TORCH[name](z))
    expected = by_autograd(TORCH[name], z)
    assert_same(by_autograd(ACTIVATIONS[name].value, z), expected)
    assert_same(ACTIVATIONS[name].derivative(z), expected)
    assert torch.equal(z, kept)


@each_dtype
@each_activation
def test_the_extremes_are_finite_and_right(name, dtype):
    """At 0 too, where the ReLU family has its kink and where |z| has no slope to autograd."""
    z = torch.tensor(EXTREMES, dtype=dtype)
    assert_same(ACTIVATIONS[name].value(z), TORCH[name](z))
    assert_same(by_autograd(ACTIVATIONS[name].value, z), by_autograd(TORCH[name], z))
    assert_same(ACTIVATIONS[name].derivative(z), by_autograd(TORCH[name], z))


def derivative_equals_differences(name):
    z, h = torch.linspace(-5, 5, 40, dtype=torch.float64), 1e-5
    value, derivative = ACTIVATIONS[name]
    torch.testing.assert_close(derivative(z), (value(z + h) - value(z - h)) / (2 * h), rtol=1e-7, atol=1e-9)


@each_activation
def test_the_derivative_equals_central_differences(name):
    derivative_equals_differences(name)


@each_activation
def test_a_derivative_that_is_off_by_one_percent_is_found(name, monkeypatch):
    """The planted fault."""
    value, derivative = ACTIVATIONS[name]
    monkeypatch.setitem(ACTIVATIONS, name, Activation(value, lambda z: 1.01 * derivative(z)))
    with pytest.raises(AssertionError, match="not close"):
        derivative_equals_differences(name)
    with pytest.raises(AssertionError, match="not close"):
        test_the_extremes_are_finite_and_right(name, torch.float32)


@each_activation
def test_derivatives_can_be_differentiated(name):
    z = torch.linspace(-4, 4, 10, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(ACTIVATIONS[name].derivative, z)
    assert torch.autograd.gradgradcheck(ACTIVATIONS[name].value, z)


@pytest.mark.parametrize(("name", "left"), [("relu", 0.0), ("leaky_relu", 0.01), ("elu", 1.0)])
def test_the_derivative_at_zero_is_the_one_from_the_left(name, left):
    zero = torch.zeros(())
    assert ACTIVATIONS[name].derivative(zero).item() == pytest.approx(left)
    assert by_autograd(ACTIVATIONS[name].value, zero).item() == pytest.approx(left)


@pytest.mark.parametrize(("name", "keyword"), [("leaky_relu", "slope"), ("elu", "alpha")])
@pytest.mark.parametrize("setting", [0.2, 0.7, 1.0])
def test_slope_and_alpha_reach_value_and_derivative(name, keyword, setting):
    z = torch.tensor([-800.0, -1.5, 0.0, 2.0], dtype=torch.float64)

    def expected(z):
        return F.leaky_relu(z, setting) if keyword == "slope" else F.elu(z, alpha=setting)

    assert_same(ACTIVATIONS[name].value(z, **{keyword: setting}), expected(z))
    assert_same(ACTIVATIONS[name].derivative(z, **{keyword: setting}), by_autograd(expected, z))


def test_small_numbers_keep_their_digits():
    """Absolute bounds would not see that 1 - sigmoid(z) or tanh of a small z has lost all of them."""
    z = torch.tensor([30.0, 60.0])
    torch.testing.assert_close(activations.sigmoid_derivative(z), torch.exp(-z), rtol=1e-5, atol=0)
    torch.testing.assert_close(activations.tanh_derivative(z / 2), 4 * torch.exp(-z), rtol=1e-5, atol=0)
    tiny = torch.tensor([-1e-9, 1e-6])
    torch.testing.assert_close(activations.tanh(tiny), tiny, rtol=1e-6, atol=0)


@each_activation
def test_nan_is_not_hidden_by_a_branch(name):
    assert ACTIVATIONS[name].value(torch.tensor(math.nan)).isnan()


def test_the_table_holds_every_elementwise_function():
    public = set(activations.__all__) - {"ACTIVATIONS", "Activation", "log_softmax", "softmax", "softmax_jacobian"}
    assert public == {f.__name__ for pair in ACTIVATIONS.values() for f in pair}
    assert all(pair.value.__name__ == name for name, pair in ACTIVATIONS.items())


@settings(max_examples=40, deadline=None)
@given(shape=st.lists(st.integers(1, 4), min_size=1, max_size=3), dtype=DTYPES, data=st.data())
def test_softmax_and_its_logarithm_equal_torch_along_any_axis(shape, dtype, data):
    logits = draw(shape, dtype, data.draw(st.integers(0, 99)))
    dim = data.draw(st.integers(-len(shape), len(shape) - 1))
    weights = draw(shape, dtype, 100)
    for ours, theirs in ((softmax, torch.softmax), (log_softmax, torch.log_softmax)):
        assert_same(ours(logits, dim=dim), theirs(logits, dim=dim))
        assert_same(
            by_autograd(lambda z, f=ours: f(z, dim=dim) * weights, logits),
            by_autograd(lambda z, f=theirs: f(z, dim=dim) * weights, logits),
        )


@each_dtype
def test_softmax_is_right_where_exponentials_overflow_or_vanish(dtype):
    logits = torch.tensor([[1000.0, 1000.0, -1000.0], [0.0, -200.0, -800.0], [-1000.0, -1000.0, -1000.0]], dtype=dtype)
    expected = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [1 / 3] * 3], dtype=dtype)
    assert_same(softmax(logits), expected)
    third = -math.log(3)
    logs = [[-math.log(2), -math.log(2), -2000 - math.log(2)], [0.0, -200.0, -800.0], [third] * 3]
    assert_same(log_softmax(logits), torch.tensor(logs, dtype=dtype))
    assert by_autograd(lambda z: log_softmax(z)[:, 0], logits).isfinite().all()


@settings(max_examples=25, deadline=None)
@given(shape=st.lists(st.integers(1, 4), min_size=1, max_size=3), dtype=DTYPES)
def test_the_softmax_jacobian_equals_autograd_in_each_row(shape, dtype):
    logits = draw(shape, dtype, 0)
    jacobian = softmax_jacobian(logits)
    assert jacobian.shape == (*logits.shape, logits.shape[-1])
    classes = logits.shape[-1]
    for row, found in zip(logits.reshape(-1, classes), jacobian.reshape(-1, classes, classes), strict=True):
        assert_same(found, torch.autograd.functional.jacobian(lambda z: torch.softmax(z, -1), row))


def test_the_jacobian_of_softmax_at_extremes_is_zero():
    assert torch.equal(softmax_jacobian(torch.tensor([1000.0, -1000.0])), torch.zeros(2, 2))


@pytest.mark.parametrize("function", [f for pair in ACTIVATIONS.values() for f in pair])
def test_what_is_no_floating_point_tensor_is_refused_by_name(function):
    with pytest.raises(ValueError, match=rf"^{function.__name__}: got z of dtype torch.int64, .* use .float\(\)$"):
        function(torch.tensor([1]))
    with pytest.raises(ValueError, match=rf"^{function.__name__}: expected z to be a torch.Tensor, got float$"):
        function(1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda z: activations.leaky_relu(z, slope=-0.1), "leaky_relu: got slope=-0.1, expected 0 <= slope <= 1"),
        (lambda z: activations.leaky_relu_derivative(z, slope=1.5), "leaky_relu_derivative: got slope=1.5"),
        (lambda z: activations.elu(z, alpha=0.0), "elu: got alpha=0.0, expected a finite number above 0"),
        (lambda z: activations.elu_derivative(z, alpha=math.inf), "elu_derivative: got alpha=inf"),
        (
            lambda z: softmax(z, dim=2),
            r"softmax: got dim=2 for logits of shape \(2, 3\), expected an axis from -2 to 1 that is not empty",
        ),
        (lambda z: log_softmax(z, dim=-3), "log_softmax: got dim=-3"),
        (lambda z: softmax(z, dim=0.5), "softmax: got dim=0.5"),
        (lambda z: softmax(z, dim=1.0), "softmax: got dim=1.0 for logits"),
        (lambda z: softmax(z, dim="1"), "softmax: got dim='1' for logits"),
        (lambda z: softmax(z[:, :0]), r"softmax: got dim=-1 for logits of shape \(2, 0\)"),
        (lambda z: softmax(z[0, 0]), r"softmax: expected logits of shape \(..., C\), got \(\)"),
        (lambda z: softmax(z.long()), "softmax: got logits of dtype torch.int64"),
        (lambda z: softmax_jacobian(z.long()), "softmax_jacobian: got logits of dtype torch.int64"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call(torch.zeros(2, 3))
    assert "\n" not in str(error.value)
