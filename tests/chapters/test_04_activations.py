"""Each labelled equation of chapter 4, written out in NumPy as it is printed, against an independent reference.

The decorator pins the printed text, so that a formula cannot change in the chapter without its test.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import norm

from tests.chapters.gates import printed

RNG = np.random.default_rng(4)
Z = np.concatenate([np.linspace(-9, 9, 181), RNG.normal(size=50)])
NOT_ZERO = Z[np.abs(Z) > 1e-9]


def reference(function, z=Z):
    """Value and slope of a PyTorch function, by autograd."""
    z = torch.tensor(z, requires_grad=True)
    a = function(z)
    return a.detach().numpy(), torch.autograd.grad(a.sum(), z)[0].numpy()


def close(a, b):
    return np.allclose(a, b, rtol=1e-10, atol=1e-13)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@printed(r"W^{(2)} (W^{(1)} x + b^{(1)}) + b^{(2)} = (W^{(2)} W^{(1)})\, x + (W^{(2)} b^{(1)} + b^{(2)}) .")
def test_eq_linear_collapse():
    two = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Linear(4, 3)).double()
    W1, b1, W2, b2 = (p.detach().numpy() for p in two.parameters())
    x = RNG.normal(size=5)
    assert close(W2 @ W1 @ x + (W2 @ b1 + b2), two(torch.tensor(x)).detach().numpy())
    assert not close(W2 @ W1 @ x + (b1.sum() + b2), two(torch.tensor(x)).detach().numpy())


@printed(
    r"\sigma(z) = \frac{1}{1 + e^{-z}} , \qquad \sigma'(z) = \frac{e^{-z}}{(1 + e^{-z})^2} "
    r"= \sigma(z)\,(1 - \sigma(z)) \le \frac14 ."
)
def test_eq_sigmoid():
    value, slope = reference(torch.sigmoid)
    assert close(sigmoid(Z), value)
    assert close(np.exp(-Z) / (1 + np.exp(-Z)) ** 2, slope)
    assert close(sigmoid(Z) * (1 - sigmoid(Z)), slope)
    assert slope.max() == pytest.approx(0.25)
    assert Z[slope.argmax()] == pytest.approx(0)


@printed(
    r"\tanh z = \frac{e^z - e^{-z}}{e^z + e^{-z}} = \frac{2}{1 + e^{-2z}} - 1 , "
    r"\qquad \tanh' z = 1 - \tanh^2 z \le 1 ."
)
def test_eq_tanh():
    value, slope = reference(torch.tanh)
    assert close((np.exp(Z) - np.exp(-Z)) / (np.exp(Z) + np.exp(-Z)), value)
    assert close(2 / (1 + np.exp(-2 * Z)) - 1, value)
    assert close(2 / (1 + np.exp(2 * Z)) - 1, -value)  # the slip that the chapter warns of
    assert np.allclose(1 - np.tanh(Z) ** 2, slope, atol=1e-12)
    assert slope.max() == pytest.approx(1)


@printed(
    r"\mathrm{ReLU}(z) = \max(0, z) , \qquad \mathrm{ReLU}'(z) = "
    r"\begin{cases} 1 & z > 0 \\ 0 & z < 0 . \end{cases}"
)
def test_eq_relu():
    value, slope = reference(F.relu, NOT_ZERO)
    assert close(np.maximum(0, NOT_ZERO), value)
    assert close(np.where(NOT_ZERO > 0, 1, 0), slope)


@printed(
    r"\mathrm{LReLU}(z) = \begin{cases} z & z > 0 \\ 0.01\, z & z \le 0 , \end{cases} "
    r"\qquad \mathrm{LReLU}'(z) = \begin{cases} 1 & z > 0 \\ 0.01 & z < 0 . \end{cases}"
)
def test_eq_leaky_relu():
    value, slope = reference(F.leaky_relu, NOT_ZERO)
    assert close(np.where(NOT_ZERO > 0, NOT_ZERO, 0.01 * NOT_ZERO), value)
    assert close(np.where(NOT_ZERO > 0, 1, 0.01), slope)


@printed(
    r"\mathrm{ELU}(z) = \begin{cases} z & z > 0 \\ \alpha\,(e^z - 1) & z \le 0 , \end{cases} "
    r"\qquad \mathrm{ELU}'(z) = \begin{cases} 1 & z > 0 \\ \alpha\, e^z & z \le 0 . \end{cases}"
)
def test_eq_elu():
    for alpha in (1.0, 0.3):
        value, slope = reference(lambda z, alpha=alpha: F.elu(z, alpha))
        assert close(np.where(Z > 0, Z, alpha * (np.exp(Z) - 1)), value)
        assert close(np.where(Z > 0, 1, alpha * np.exp(Z)), slope)


@printed(
    r"\mathrm{GELU}(z) = z\, \Phi(z) , "
    r"\qquad \mathrm{GELU}'(z) = \Phi(z) + z\, \frac{e^{-z^2/2}}{\sqrt{2\pi}} ."
)
def test_eq_gelu():
    value, slope = reference(F.gelu)
    assert close(Z * norm.cdf(Z), value)
    assert close(norm.cdf(Z) + Z * np.exp(-(Z**2) / 2) / np.sqrt(2 * np.pi), slope)
    assert not np.allclose(reference(lambda z: F.gelu(z, approximate="tanh"))[0], value, atol=1e-6)


@printed(r"\mathrm{SiLU}(z) = z\, \sigma(z) , \qquad \mathrm{SiLU}'(z) = \sigma(z) + z\, \sigma'(z) .")
def test_eq_silu():
    value, slope = reference(F.silu)
    assert close(Z * sigmoid(Z), value)
    assert close(sigmoid(Z) + Z * sigmoid(Z) * (1 - sigmoid(Z)), slope)


def two_layers(function):
    """One sample through two layers: weights, values, and autograd's gradients of a loss."""
    W1, W2 = (torch.tensor(RNG.normal(size=shape), requires_grad=True) for shape in ((4, 5), (3, 4)))
    z1 = W1 @ torch.tensor(RNG.normal(size=5))
    a1 = function(z1)
    z2 = W2 @ a1
    a2 = function(z2)
    for value in (z1, a1, z2, a2):
        value.retain_grad()
    (a2**2).sum().backward()
    return W2, a1, z2, a2


@printed(
    r"\frac{\partial \ell}{\partial w^{(l)}_{ij}} = \frac{\partial \ell}{\partial a^{(l)}_i} \; "
    r"\frac{\partial a^{(l)}_i}{\partial z^{(l)}_i} \; \frac{\partial z^{(l)}_i}{\partial w^{(l)}_{ij}} = "
    r"\frac{\partial \ell}{\partial a^{(l)}_i} \; \varphi'(z^{(l)}_i) \; a^{(l-1)}_j ."
)
def test_eq_local_gradient():
    for function in (torch.sigmoid, torch.tanh):
        W, below, z, a = two_layers(function)
        slope = reference(function, z.detach().numpy())[1]
        expected = (a.grad.numpy() * slope)[:, None] * below.detach().numpy()[None]
        assert close(expected, W.grad.numpy())
        # the sentence after it: what reaches the layer below
        assert close(W.detach().numpy().T @ (slope * a.grad.numpy()), below.grad.numpy())


@printed(
    r"\frac{\partial a^{(M)}}{\partial x} = \prod_{l=1}^{M} w^{(l)} \varphi'(z^{(l)}) , \qquad "
    r"\left\lvert \frac{\partial a^{(M)}}{\partial x} \right\rvert \le \prod_{l=1}^{M} "
    r"\frac{\lvert w^{(l)} \rvert}{4} \quad \text{for sigmoids} ."
)
def test_eq_product_of_slopes():
    for _ in range(20):
        weights = RNG.normal(scale=3, size=10)
        x = torch.tensor(RNG.normal(), dtype=torch.float64, requires_grad=True)
        a, slopes = x, []
        for w in weights:
            z = w * a
            a = torch.sigmoid(z)
            slopes.append(reference(torch.sigmoid, z.detach().numpy())[1])
        a.backward()
        assert x.grad.item() == pytest.approx(np.prod(weights * np.array(slopes)), rel=1e-9)
        assert abs(x.grad.item()) <= np.prod(np.abs(weights) / 4)


@printed(
    r"\frac{\partial \ell}{\partial w_{ij}} = \delta_i\, a_j , \qquad a_j > 0 \;\Rightarrow\; \operatorname{sign} "
    r"\frac{\partial \ell}{\partial w_{ij}} = \operatorname{sign} \delta_i \quad \text{for all } j ."
)
def test_eq_same_sign():
    W, below, z, _ = two_layers(torch.sigmoid)
    delta = z.grad.numpy()
    assert close(np.outer(delta, below.detach().numpy()), W.grad.numpy())
    assert (np.sign(W.grad.numpy()) == np.sign(delta)[:, None]).all()
    W, _, z, _ = two_layers(torch.tanh)
    assert not (np.sign(W.grad.numpy()) == np.sign(z.grad.numpy())[:, None]).all()
