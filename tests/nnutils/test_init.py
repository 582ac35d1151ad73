"""The fillers against torch.nn.init, against their formulas over 1e5 draws, and what they refuse."""

import inspect
import math
from functools import partial

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nnutils import init

SHAPE = (250, 400)  # 1e5 draws; fan_in 400, fan_out 250
KERNEL = (50, 20, 10, 10)  # the same number of draws; fan_in 2000, fan_out 5000
ROOT2 = math.sqrt(2)

# Standard deviation for the fans of SHAPE and of KERNEL, from the papers' formulas.
STD = {
    "normal": lambda n_in, n_out: 1.0,
    "uniform": lambda n_in, n_out: 1 / math.sqrt(12),
    "lecun_normal": lambda n_in, n_out: 1 / math.sqrt(n_in),
    "lecun_uniform": lambda n_in, n_out: 1 / math.sqrt(n_in),
    "xavier_normal": lambda n_in, n_out: math.sqrt(2 / (n_in + n_out)),
    "xavier_uniform": lambda n_in, n_out: math.sqrt(2 / (n_in + n_out)),
    "he_normal": lambda n_in, n_out: math.sqrt(2 / n_in),
    "he_uniform": lambda n_in, n_out: math.sqrt(2 / n_in),
}

# torch.nn.init's function of the same meaning; LeCun's is He's with the gain of a linear layer.
TORCH = {
    "zeros_": nn.init.zeros_,
    "normal_": nn.init.normal_,
    "uniform_": nn.init.uniform_,
    "lecun_normal_": partial(nn.init.kaiming_normal_, nonlinearity="linear"),
    "lecun_uniform_": partial(nn.init.kaiming_uniform_, nonlinearity="linear"),
    "xavier_normal_": nn.init.xavier_normal_,
    "xavier_uniform_": nn.init.xavier_uniform_,
    "he_normal_": partial(nn.init.kaiming_normal_, nonlinearity="relu"),
    "he_uniform_": partial(nn.init.kaiming_uniform_, nonlinearity="relu"),
    "orthogonal_": nn.init.orthogonal_,
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", STD)
@pytest.mark.parametrize("shape", [SHAPE, KERNEL])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_1e5_draws_have_the_distribution_of_the_formula(name, shape, dtype):
    fill = getattr(init, f"{name}_")
    values = fill(torch.empty(shape, dtype=dtype), generator=seeded()).double().numpy().ravel()
    kernel = math.prod(shape[2:])
    std, mean = STD[name](shape[1] * kernel, shape[0] * kernel), 0.5 * (name == "uniform")
    if "normal" in name:
        expected = scipy.stats.norm(mean, std)
    else:
        half = math.sqrt(3) * std
        expected = scipy.stats.uniform(mean - half, 2 * half)
        assert np.abs(values - mean).max() <= half * (1 + 1e-6)
        assert np.abs(values - mean).max() > half * 0.999
    # Four standard errors of mean and standard deviation, and the whole distribution.
    assert values.mean() == pytest.approx(mean, abs=4 * std / math.sqrt(values.size))
    assert values.std() == pytest.approx(std, rel=4 / math.sqrt(2 * values.size))
    assert scipy.stats.kstest(values, expected.cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", STD)
def test_a_scale_two_percent_off_is_caught(name, monkeypatch):
    """The planted fault."""
    right = getattr(init, f"{name}_")
    monkeypatch.setattr(init, f"{name}_", lambda tensor, **kw: right(tensor, **kw).mul_(1.02))
    with pytest.raises(AssertionError):
        test_1e5_draws_have_the_distribution_of_the_formula(name, SHAPE, torch.float64)


@pytest.mark.parametrize("name", TORCH)
@settings(max_examples=15, deadline=None)
@given(shape=st.lists(st.integers(1, 6), min_size=2, max_size=4), seed=st.integers(0, 2**16))
def test_equals_torch_draw_for_draw(name, shape, seed):
    ours, theirs = torch.empty(shape, dtype=torch.float64), torch.empty(shape, dtype=torch.float64)
    random = {} if name == "zeros_" else {"generator": seeded(seed)}
    getattr(init, name)(ours, **random)
    TORCH[name](theirs, **({} if name == "zeros_" else {"generator": seeded(seed)}))
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in TORCH if name not in ("zeros_", "normal_", "uniform_")])
def test_the_gain_is_a_factor_on_every_weight(name):
    fill = getattr(init, name)
    default = ROOT2 if name.startswith("he") else 1.0
    plain, scaled = fill(torch.empty(7, 5), generator=seeded()), fill(torch.empty(7, 5), gain=3.0, generator=seeded())
    torch.testing.assert_close(scaled, 3.0 / default * plain)


def test_settings_of_the_plain_distributions_are_used():
    ours = init.normal_(torch.empty(50), mean=2.0, std=0.1, generator=seeded())
    torch.testing.assert_close(ours, nn.init.normal_(torch.empty(50), 2.0, 0.1, generator=seeded()))
    ours = init.uniform_(torch.empty(50), low=-3.0, high=-1.0, generator=seeded())
    torch.testing.assert_close(ours, nn.init.uniform_(torch.empty(50), -3.0, -1.0, generator=seeded()))
    assert init.uniform_(torch.empty(2), low=0.5, high=0.5).tolist() == [0.5, 0.5]
    assert init.constant_(torch.empty(2), value=-1.5).tolist() == [-1.5, -1.5]
    assert init.zeros_(torch.ones(2)).tolist() == [0.0, 0.0]


@settings(max_examples=25, deadline=None)
@given(shape=st.lists(st.integers(1, 6), min_size=2, max_size=4), gain=st.sampled_from([0.5, 1.0, 2.0]))
def test_an_orthogonal_weight_keeps_lengths_on_its_shorter_side(shape, gain):
    matrix = init.orthogonal_(torch.empty(shape, dtype=torch.float64), gain=gain, generator=seeded()).flatten(1)
    gram = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    torch.testing.assert_close(gram, gain**2 * torch.eye(len(gram), dtype=torch.float64))


def test_orthogonal_matrices_are_uniform_over_all_of_them():
    """1e5 draws: each entry has mean 0 and variance 1/n; QR without the signs makes the diagonal one-sided."""
    n, generator = 10, seeded()
    drawn = torch.stack([init.orthogonal_(torch.empty(n, n), generator=generator) for _ in range(1000)])
    assert drawn.numel() == 100_000
    error = 4 / math.sqrt(1000 * n)
    assert drawn.mean(0).abs().max() < 6 * error
    assert (drawn**2).mean(0) == pytest.approx(torch.full((n, n), 1 / n).numpy(), abs=0.03)
    assert drawn.diagonal(dim1=1, dim2=2).mean().abs() < error


@pytest.mark.parametrize("name", sorted(init.SCHEMES))
def test_a_filler_changes_its_tensor_in_place_and_returns_it(name):
    weight = nn.Parameter(torch.full((4, 3), 9.0))
    settings = {"value": 0.5} if name == "constant" else {}
    returned = init.SCHEMES[name](weight, **settings)
    assert returned is weight
    assert weight.requires_grad
    assert weight.grad_fn is None
    assert not (weight == 9.0).any()


@pytest.mark.parametrize("name", sorted(set(init.SCHEMES) - {"zeros", "constant"}))
def test_with_a_generator_the_global_one_is_not_used(name):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = init.SCHEMES[name](torch.empty(4, 3), generator=seeded(1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, init.SCHEMES[name](torch.empty(4, 3), generator=seeded(1)))
    torch.manual_seed(0)
    without = init.SCHEMES[name](torch.empty(4, 3))
    torch.manual_seed(0)
    assert torch.equal(without, init.SCHEMES[name](torch.empty(4, 3)))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", sorted(set(init.SCHEMES) - {"zeros", "constant"}))
def test_a_generator_on_the_cpu_gives_the_same_weights_on_a_gpu(name):
    here = init.SCHEMES[name](torch.empty(4, 3), generator=seeded())
    there = init.SCHEMES[name](torch.empty(4, 3, device="cuda"), generator=seeded())
    assert torch.equal(here, there.cpu())


def test_a_weight_elsewhere_is_filled_from_a_generator_on_the_cpu():
    """The meta device stands for a GPU: it holds no numbers, but refuses a generator of another device."""
    for name in set(init.SCHEMES) - {"zeros", "constant"}:
        init.SCHEMES[name](torch.empty(4, 3, device="meta"), generator=seeded())


def test_fans_count_what_enters_and_what_leaves():
    assert init.fan_in_and_fan_out((3, 7)) == (7, 3)
    assert init.fan_in_and_fan_out((8, 4, 3)) == (12, 24)
    assert init.fan_in_and_fan_out((8, 4, 3, 5)) == (60, 120)
    assert init.fan_in_and_fan_out(torch.empty(2, 3, 4).shape) == nn.init._calculate_fan_in_and_fan_out(
        torch.empty(2, 3, 4)
    )


@pytest.mark.parametrize("slope", [0.0, 0.01, 0.3, 1.0])
def test_gains_are_those_of_torch(slope):
    for name in ("linear", "sigmoid", "tanh", "relu"):
        assert init.gain(name, slope=slope) == pytest.approx(nn.init.calculate_gain(name))
    assert init.gain("leaky_relu", slope=slope) == pytest.approx(nn.init.calculate_gain("leaky_relu", slope))
    assert init.gain("leaky_relu") == pytest.approx(nn.init.calculate_gain("leaky_relu"))


def test_he_keeps_the_mean_square_of_a_relu_net_through_50_layers():
    """The reason for the gain, measured: without it the signal halves its mean square at each layer."""
    generator = seeded()
    for gain, expected in ((ROOT2, 1.0), (1.0, 2.0**-50)):
        x = torch.randn(200, 500, generator=generator, dtype=torch.float64)
        for _ in range(50):
            weight = init.he_normal_(torch.empty(500, 500, dtype=torch.float64), gain=gain, generator=generator)
            x = torch.relu(x) @ weight.T
        assert (x**2).mean().item() == pytest.approx(expected, rel=0.7)


def test_a_model_is_filled_layer_by_layer():
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 5, bias=False))
    model[1].weight.data.fill_(7.0)
    assert init.initialize(model, "he_normal", generator=seeded()) is model
    generator = seeded()
    for layer in (model[0], model[3]):
        assert torch.equal(layer.weight, init.he_normal_(torch.empty(layer.weight.shape), generator=generator))
    assert model[0].bias.tolist() == [0.0] * 3
    assert model[1].weight.tolist() == [7.0] * 3
    init.initialize(model, "zeros", generator=seeded())
    assert not model[3].weight.any()
    init.initialize(model, "constant", value=0.25, generator=seeded())
    assert (model[3].weight == 0.25).all()
    init.initialize(model, "normal", std=0.0, mean=2.0)
    assert (model[3].weight == 2.0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: init.fan_in_and_fan_out((3,)), r"fan_in_and_fan_out: expected a weight of shape .*, got \(3,\)"),
        (lambda: init.fan_in_and_fan_out(torch.ones(4, 3)), r"got Tensor, expected a shape .*; use weight.shape"),
        (lambda: init.lecun_normal_(torch.empty(3, 0)), r"expected a weight .*, none 0, got \(3, 0\)"),
        (lambda: init.orthogonal_(torch.empty(0, 3)), r"expected a weight .*, none 0, got \(0, 3\)"),
        (lambda: init.he_normal_(torch.empty(3, 3), gain=None), "he_normal_: got gain=None"),
        (lambda: init.initialize(None, "he_normal"), "got NoneType, expected a module; .* by he_normal_"),
        (lambda: init.initialize(torch.ones(2, 2), "zeros"), "initialize: got Tensor, expected a module; .* by zeros_"),
        (lambda: init.xavier_normal_(torch.empty(3)), r"xavier_normal_: expected a weight of shape .*, got \(3,\)"),
        (lambda: init.orthogonal_(torch.empty(3)), r"orthogonal_: expected a weight of shape .*, got \(3,\)"),
        (lambda: init.he_normal_(torch.empty(3, 3), gain=-1.0), "he_normal_: got gain=-1.0"),
        (lambda: init.he_uniform_(torch.empty(3)), "he_uniform_: expected"),
        (lambda: init.lecun_normal_(torch.empty(3)), "lecun_normal_: expected"),
        (lambda: init.lecun_uniform_(torch.empty(3)), "lecun_uniform_: expected"),
        (lambda: init.xavier_uniform_(torch.empty(3)), "xavier_uniform_: expected"),
        (lambda: init.normal_(torch.empty(3), std=math.nan), "normal_: got std=nan, expected a finite number"),
        (lambda: init.uniform_(torch.empty(3), low=1.0, high=0.0), "got low=1.0, high=0.0, expected finite .* low <="),
        (lambda: init.uniform_(torch.empty(3), high=float("inf")), "got low=0.0, high=inf"),
        (lambda: init.uniform_(torch.empty(3), low=-math.inf), "got low=-inf, high=1.0"),
        (lambda: init.gain("swish"), "gain: got 'swish', expected one of linear, sigmoid, tanh, relu, leaky_relu"),
        (lambda: init.gain("leaky_relu", slope=math.inf), "gain: got slope=inf"),
        (lambda: init.initialize(nn.Linear(1, 1), "he"), "initialize: got 'he', expected one of zeros, .*"),
        (lambda: init.initialize(nn.Linear(1, 1), "xavier_norm"), "did you mean 'xavier_normal'"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", sorted(init.SCHEMES))
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([[1.0]], "tensor to be a torch.Tensor, got list"),
        (nn.Linear(2, 2), "to be a torch.Tensor, got Linear"),
        (torch.ones(3, 2, dtype=torch.int64), "got tensor of dtype torch.int64, expected a floating-point dtype"),
    ],
)
def test_only_a_tensor_of_floats_is_filled(name, wrong, message):
    settings = {"value": 0.5} if name == "constant" else {}
    with pytest.raises(ValueError, match=rf"^{'constant' if name == 'zeros' else name}_: .*{message}"):
        init.SCHEMES[name](wrong, **settings)


@pytest.mark.parametrize("function", [*init.SCHEMES.values(), init.gain, init.initialize])
def test_settings_are_given_by_name(function):
    settings = list(inspect.signature(function).parameters.values())[2 if function is init.initialize else 1 :]
    kinds = {one.kind for one in settings}
    assert kinds <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}
