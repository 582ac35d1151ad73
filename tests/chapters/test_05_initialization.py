"""Each labelled equation of chapter 5, written out in NumPy as it is printed, against an independent reference.

The decorator pins the printed text, so that a formula cannot change in the chapter without its test.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.chapters.gates import printed

RNG = np.random.default_rng(5)


@printed(
    r"\begin{gathered} w^{(l)}_{ij} = w^{(l)}_{i'j} \;\text{ and }\; w^{(l+1)}_{ki} = w^{(l+1)}_{ki'} \\ "
    r"\Rightarrow\quad \frac{\partial \ell}{\partial w^{(l)}_{ij}} = \frac{\partial \ell}{\partial "
    r"w^{(l)}_{i'j}} , \quad \frac{\partial \ell}{\partial w^{(l+1)}_{ki}} = \frac{\partial \ell}{\partial "
    r"w^{(l+1)}_{ki'}} . \end{gathered}"
)
def test_eq_symmetry():
    x, y = torch.tensor(RNG.normal(size=(6, 5))), torch.tensor([0, 1, 2, 0, 1, 2])

    def gradients(first_row, other_row, first_column, other_column):
        W1 = torch.tensor(np.stack([first_row, other_row, first_row]), requires_grad=True)
        W2 = torch.tensor(np.stack([first_column, other_column, first_column], 1), requires_grad=True)
        return torch.autograd.grad(F.cross_entropy(torch.tanh(x @ W1.T) @ W2.T, y), (W1, W2))

    row, column = RNG.normal(size=5), RNG.normal(size=3)
    g1, g2 = gradients(row, RNG.normal(size=5), column, RNG.normal(size=3))
    assert torch.allclose(g1[0], g1[2])  # units 0 and 2 are alike
    assert torch.allclose(g2[:, 0], g2[:, 2])
    assert not torch.allclose(g1[0], g1[1])
    assert not torch.allclose(g2[:, 0], g2[:, 1])


def layer(n_in, n_out, sigma, uniform=False):
    """Weights of many layers with this standard deviation: (draws, n_out, n_in)."""
    draws = 20_000
    if uniform:
        r = np.sqrt(3) * sigma
        return RNG.uniform(-r, r, size=(draws, n_out, n_in))
    return RNG.normal(scale=sigma, size=(draws, n_out, n_in))


@printed(
    r"\operatorname{Var}(z_i) = \sum_{j} \mathbb{E}[w_{ij}^2]\, \mathbb{E}[a_j^2] = "
    r"n_\text{in}\, \sigma_w^2\, \mathbb{E}[a^2] ."
)
def test_eq_forward_variance():
    for n_in, n_out, sigma in ((30, 2, 0.3), (7, 3, 1.1)):
        a = RNG.normal(0.5, 1.5, size=(20_000, n_in))  # a mean that is not 0: the second moment counts
        z = np.einsum("noi,ni->no", layer(n_in, n_out, sigma), a)
        assert z.var() == pytest.approx(n_in * sigma**2 * (a**2).mean(), rel=0.04)
        assert z.var() != pytest.approx(n_in * sigma**2 * a.var(), rel=0.05)


@printed(
    r"\operatorname{Var}\Bigl(\frac{\partial \ell}{\partial a_j}\Bigr) = "
    r"n_\text{out}\, \sigma_w^2\, \mathbb{E}[\delta^2] ."
)
def test_eq_backward_variance():
    for n_in, n_out, sigma in ((3, 30, 0.3), (2, 7, 1.1)):
        delta = RNG.normal(0.2, 0.7, size=(20_000, n_out))
        back = np.einsum("noi,no->ni", layer(n_in, n_out, sigma), delta)
        assert back.var() == pytest.approx(n_out * sigma**2 * (delta**2).mean(), rel=0.04)


@printed(r"\sigma_w = \sqrt{\frac{2}{n_\text{in} + n_\text{out}}} .")
def test_eq_xavier():
    weight = torch.empty(512, 784)
    torch.manual_seed(0)
    torch.nn.init.xavier_normal_(weight)
    assert np.sqrt(2 / (784 + 512)) == pytest.approx(weight.std().item(), rel=0.01)
    assert np.sqrt(2 / 784) != pytest.approx(weight.std().item(), rel=0.1)


@printed(
    r"\operatorname{Var}(z^{(l)}) = \tfrac12\, n_\text{in}\, \sigma_w^2 \operatorname{Var}(z^{(l-1)}) , "
    r"\qquad \sigma_w = \sqrt{\frac{2}{n_\text{in}}} ."
)
def test_eq_he():
    n_in, sigma = 20, 0.37
    before = RNG.normal(scale=1.7, size=(20_000, n_in))
    z = np.einsum("noi,ni->no", layer(n_in, 2, sigma), np.maximum(0, before))
    assert z.var() == pytest.approx(0.5 * n_in * sigma**2 * before.var(), rel=0.05)
    weight = torch.empty(512, 784)
    torch.manual_seed(0)
    torch.nn.init.kaiming_normal_(weight, nonlinearity="relu")
    assert np.sqrt(2 / 784) == pytest.approx(weight.std().item(), rel=0.01)


@printed(
    r"\mathcal{U}(-r, r) \;\text{ with }\; r = \sqrt3\, \sigma_w \quad\text{in place of}\quad "
    r"\mathcal{N}(0, \sigma_w^2) ."
)
def test_eq_uniform():
    assert layer(10, 10, 0.3, uniform=True).std() == pytest.approx(0.3, rel=0.01)
    weight = torch.empty(512, 784)
    torch.nn.init.kaiming_uniform_(weight, nonlinearity="relu")
    assert weight.abs().max().item() == pytest.approx(np.sqrt(3) * np.sqrt(2 / 784), rel=1e-3)


@printed(
    r"\frac{\partial \ell}{\partial w^{(1)}_{11}} = \frac{\partial \ell}{\partial \hat y}\, \sigma'(z^{(3)}_1) "
    r"\Bigl( w^{(3)}_{11}\, \sigma'(z^{(2)}_1)\, w^{(2)}_{11} + "
    r"w^{(3)}_{12}\, \sigma'(z^{(2)}_2)\, w^{(2)}_{21} \Bigr) "
    r"\sigma'(z^{(1)}_1)\, x_1 ."
)
def test_eq_paths():
    x = torch.tensor(RNG.normal(size=2))
    W = [torch.tensor(RNG.normal(size=shape), requires_grad=True) for shape in ((2, 2), (2, 2), (1, 2))]
    a, slopes = x, []
    for w in W:
        a = torch.sigmoid(w @ a)
        slopes.append((a * (1 - a)).detach().numpy())
    y_hat = a[0]
    ((y_hat - 0.3) ** 2).backward()
    _, w2, w3 = (w.detach().numpy() for w in W)
    above = 2 * (y_hat.item() - 0.3)
    paths = w3[0, 0] * slopes[1][0] * w2[0, 0] + w3[0, 1] * slopes[1][1] * w2[1, 0]
    assert above * slopes[2][0] * paths * slopes[0][0] * x[0].item() == pytest.approx(W[0].grad[0, 0].item(), rel=1e-10)
