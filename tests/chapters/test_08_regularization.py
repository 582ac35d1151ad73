"""Each labelled equation of chapter 8, written out in NumPy as it is printed, against an independent reference.

The decorator pins the printed text, so that a formula cannot change in the chapter without its test.
"""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import minimize_scalar

from nnutils import regularization
from tests.chapters.gates import printed

RNG = np.random.default_rng(8)


def close(a, b):
    return np.allclose(a, b, rtol=1e-9, atol=1e-12)


@printed(
    r"\mathbb{E}\, J(\hat w) = \sigma^2 \left( 1 - \frac{P}{N} \right) , \quad \mathbb{E}\, "
    r"J_{\text{new}}(\hat w) = \sigma^2 \left( 1 + \frac{P}{N} \right) , \quad \text{gap } = 2 \sigma^2 "
    r"\frac{P}{N} ."
)
def test_eq_optimism():
    N, P, sigma, runs = 12, 4, 0.7, 40_000
    X, w = RNG.normal(size=(N, P)), RNG.normal(size=P)
    y = (X @ w)[:, None] + sigma * RNG.normal(size=(N, runs))
    fresh = (X @ w)[:, None] + sigma * RNG.normal(size=(N, runs))
    fit = X @ np.linalg.lstsq(X, y, rcond=None)[0]
    training, new = ((fit - y) ** 2).mean(), ((fit - fresh) ** 2).mean()
    assert training == pytest.approx(sigma**2 * (1 - P / N), rel=0.02)
    assert new == pytest.approx(sigma**2 * (1 + P / N), rel=0.02)
    assert new - training == pytest.approx(2 * sigma**2 * P / N, rel=0.04)


@printed(
    r"\mathbb{E} \left( \hat f(x) - y \right)^2 = \left( \bar f(x) - f(x) \right)^2 + "
    r"\mathbb{E} \left( \hat f(x) - \bar f(x) \right)^2 + \sigma^2 :"
)
def test_eq_bias_variance():
    # ridge regression: each term in closed form, the left side by drawing
    N, P, sigma, lam, runs = 10, 3, 0.5, 2.0, 60_000
    X, w, x = RNG.normal(size=(N, P)), RNG.normal(size=P), RNG.normal(size=P)
    weights = x @ np.linalg.inv(X.T @ X + lam * np.eye(P)) @ X.T  # (N,): the prediction is linear in y
    bias = weights @ X @ w - x @ w
    variance = sigma**2 * weights @ weights
    y = X @ w + sigma * RNG.normal(size=(runs, N))
    error = ((y @ weights - (x @ w + sigma * RNG.normal(size=runs))) ** 2).mean()
    assert error == pytest.approx(bias**2 + variance + sigma**2, rel=0.03)
    assert bias**2 > 0.1 * error or variance > 0.1 * error  # neither side is the noise alone


def information(joint):
    """Mutual information of a table of joint probabilities, in nats."""
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    return (joint * np.log(joint / independent)).sum()


@printed(r"I(T; Y) \le I(X; Y) .")
def test_eq_data_processing():
    for _ in range(50):
        joint = RNG.dirichlet(np.ones(20)).reshape(5, 4)  # X, Y
        channel = RNG.dirichlet(np.ones(3), size=5)  # T given X
        assert information(channel.T @ joint) <= information(joint)
    assert information(joint[::-1]) == pytest.approx(information(joint))  # a relabelling loses nothing


@printed(
    r"\begin{gathered} b_t = \arg\min_{s \le t} v_s , \\ \text{stop at the first } t \text{ with } t - b_t \ge "
    r"p , \qquad \text{keep the weights of check } b_t . \end{gathered}"
)
def test_eq_patience():
    stops = 0
    for _ in range(200):
        v, p = RNG.normal(size=30).cumsum(), int(RNG.integers(1, 6))
        best = [int(np.argmin(v[: t + 1])) for t in range(30)]
        expected = next((t for t in range(30) if t - best[t] >= p), None)
        stopping, model = regularization.EarlyStopping(p), torch.nn.Linear(1, 1, bias=False)
        found = None
        for t in range(30):
            torch.nn.init.constant_(model.weight, float(t))
            if stopping.update(v[t], model):
                found = t
                break
        assert found == expected
        if found is not None:
            stops += 1
            stopping.restore(model)
            assert model.weight.item() == best[found]
    assert stops > 50


@printed(
    r"\begin{gathered} \tilde J(w) = J(w) + \lambda R(w) , \\ R_{\text{L2}} = \frac12 \lVert w \rVert^2 = "
    r"\frac12 \sum_{l=1}^{M} \lVert W^{(l)} \rVert_F^2 , \qquad R_{\text{L1}} = \lVert w \rVert_1 = \sum_i "
    r"\lvert w_i \rvert . \end{gathered}"
)
def test_eq_penalized():
    matrices = [torch.tensor(RNG.normal(size=shape), requires_grad=True) for shape in ((4, 3), (2, 4))]
    flat = np.concatenate([W.detach().numpy().ravel() for W in matrices])
    l2 = sum(np.linalg.norm(W.detach().numpy(), "fro") ** 2 for W in matrices) / 2
    assert close(l2, np.linalg.norm(flat) ** 2 / 2)
    assert close(l2, regularization.l2_penalty(matrices).item() / 2)
    assert close(np.abs(flat).sum(), regularization.l1_penalty(matrices).item())
    lam, x = 0.3, torch.tensor(RNG.normal(size=3))
    data = (matrices[1] @ torch.tanh(matrices[0] @ x)).sum()
    whole = torch.autograd.grad(data + lam * regularization.l2_penalty(matrices) / 2, matrices, retain_graph=True)
    alone = torch.autograd.grad(data, matrices)
    assert all(torch.allclose(a, b + lam * W) for a, b, W in zip(whole, alone, matrices, strict=True))


@printed(
    r"w_t = w_{t-1} - \eta \left( \nabla J(w_{t-1}) + \lambda w_{t-1} \right) = "
    r"(1 - \eta \lambda)\, w_{t-1} - \eta\, \nabla J(w_{t-1}) ."
)
def test_eq_shrinkage():
    w0, g, eta, lam = RNG.normal(size=5), RNG.normal(size=5), 0.1, 0.3
    for factor in (1.0, 0.0):  # without a gradient: the power of the factor that the text gives
        w = torch.tensor(w0, requires_grad=True)
        optimizer = torch.optim.SGD([w], lr=eta, weight_decay=lam)
        expected = w0
        for _ in range(4):
            w.grad = torch.tensor(factor * g)
            optimizer.step()
            left = expected - eta * (factor * g + lam * expected)
            expected = (1 - eta * lam) * expected - eta * factor * g
            assert close(left, expected)
        assert close(expected, w.detach().numpy())
    assert close(expected, (1 - eta * lam) ** 4 * w0)


@printed(
    r"\tilde w_i = \frac{h_i}{h_i + \lambda}\, w^\star_i \qquad \text{and} \qquad "
    r"w_{t,i} = \left( 1 - (1 - \eta h_i)^t \right) w^\star_i ."
)
def test_eq_ridge_factors():
    A = RNG.normal(size=(20, 4))
    hessian, star, lam, eta, t = A.T @ A / 20, RNG.normal(size=4), 0.4, 0.1, 30
    h, basis = np.linalg.eigh(hessian)
    coordinates = basis.T @ star
    ridge = np.linalg.solve(hessian + lam * np.eye(4), hessian @ star)
    assert close(h / (h + lam) * coordinates, basis.T @ ridge)
    w = np.zeros(4)
    for _ in range(t):
        w = w - eta * hessian @ (w - star)
    assert close((1 - (1 - eta * h) ** t) * coordinates, basis.T @ w)
    s = np.geomspace(1e-3, 99, 5000)
    assert np.abs(s / (s + 1) - (1 - (1 - 0.01 * s) ** 100)).max() < 0.21  # what exercise 2 says


@printed(
    r"S_\tau(v) = \arg\min_u \left( \tfrac12 (u - v)^2 + \tau \lvert u \rvert \right) = "
    r"\operatorname{sign}(v)\, \max(\lvert v \rvert - \tau,\, 0) ."
)
def test_eq_soft_threshold():
    for v, tau in itertools.product((-2.0, -0.3, 0.0, 0.2, 0.5, 1.7), (0.1, 0.5)):
        found = minimize_scalar(lambda u, v=v, tau=tau: (u - v) ** 2 / 2 + tau * abs(u), bounds=(-3, 3)).x
        assert np.sign(v) * max(abs(v) - tau, 0) == pytest.approx(found, abs=1e-4)
        torchs = F.softshrink(torch.tensor(v), tau).item()
        assert np.sign(v) * max(abs(v) - tau, 0) == pytest.approx(torchs, abs=1e-6)


@printed(
    r"\tilde a_j = \frac{m_j}{1 - p}\, a_j , \qquad \mathbb{E}\, \tilde a_j = \frac{1 - p}{1 - p}\, a_j = a_j , "
    r"\qquad \operatorname{Var} \tilde a_j = \frac{p}{1 - p}\, a_j^2 ."
)
def test_eq_dropout():
    torch.manual_seed(0)
    for p, a in ((0.2, 1.5), (0.5, -2.0), (0.7, 1.0)):
        drawn = F.dropout(torch.full((400_000,), a, dtype=torch.float64), p)
        assert set(drawn.tolist()) <= {0.0, a / (1 - p)}
        assert drawn.mean().item() == pytest.approx(a, rel=0.02)
        assert drawn.var().item() == pytest.approx(p / (1 - p) * a**2, rel=0.02)


@printed(
    r"\begin{aligned} \mathbb{E}\, \frac1N \sum_n \left( w^\top \tilde x_n - y_n \right)^2 &= \frac1N \sum_n "
    r"\left( w^\top x_n - y_n \right)^2 \\ &\quad + \frac{p}{1 - p} \sum_j w_j^2\, \frac1N \sum_n x_{nj}^2 . "
    r"\end{aligned}"
)
def test_eq_dropout_l2():
    N, D, p = 5, 4, 0.3
    X, y, w = RNG.normal(size=(N, D)), RNG.normal(size=N), RNG.normal(size=D)
    left = 0.0
    for kept in itertools.product((0, 1), repeat=D):  # all masks, the same ones for each sample by symmetry
        probability = (1 - p) ** sum(kept) * p ** (D - sum(kept))
        left += probability * np.mean((X * np.array(kept) / (1 - p) @ w - y) ** 2)
    right = np.mean((X @ w - y) ** 2) + p / (1 - p) * np.sum(w**2 * np.mean(X**2, 0))
    assert close(left, right)


@printed(
    r"\frac{\prod_m \sigma(z_m)^{P(m)}}{\prod_m \sigma(z_m)^{P(m)} + \prod_m (1 - \sigma(z_m))^{P(m)}} = "
    r"\sigma\left( \sum_m P(m)\, z_m \right) = \sigma(\mathbb{E}\, z) ."
)
def test_eq_geometric_mean():
    w, x, b, p = RNG.normal(size=4), RNG.normal(size=4), 0.3, 0.2
    masks = np.array(list(itertools.product((0, 1), repeat=4)))
    P = (1 - p) ** masks.sum(1) * p ** (4 - masks.sum(1))
    sigma = 1 / (1 + np.exp(-(masks / (1 - p) * x @ w + b)))
    yes, no = np.prod(sigma**P), np.prod((1 - sigma) ** P)
    whole = torch.sigmoid(torch.tensor(w @ x + b)).item()  # nothing dropped
    assert close(yes / (yes + no), whole)
    assert abs(P @ sigma - whole) > 1e-4  # the arithmetic mean is another number


@printed(r"\tilde x = \lambda x_n + (1 - \lambda)\, x_k , \qquad \tilde y = \lambda y_n + (1 - \lambda)\, y_k .")
def test_eq_mixup():
    X, Y = torch.tensor(RNG.normal(size=(2, 3))), torch.eye(2, dtype=torch.float64)
    mixed_any = False
    for seed in range(10):
        mixed, soft = regularization.mixup(X, Y, alpha=1.0, generator=torch.Generator().manual_seed(seed))
        lam = soft[0, 0].item()  # what is left of the first sample's own class
        assert close(lam * X[0] + (1 - lam) * X[1], mixed[0])
        assert close(lam * Y[0] + (1 - lam) * Y[1], soft[0])
        mixed_any |= 0.01 < lam < 0.99
    assert mixed_any


@printed(r"q = (1 - \alpha)\, y + \frac{\alpha}{K} , \qquad \min_z \ell(z) = - \sum_k q_k \ln q_k > 0 .")
def test_eq_label_smoothing():
    alpha, K = 0.1, 5
    z = torch.tensor(RNG.normal(size=(1, K)), requires_grad=True)
    q = (1 - alpha) * np.eye(K)[2] + alpha / K
    ours = -(q * np.log(np.exp(z.detach().numpy()[0]) / np.exp(z.detach().numpy()[0]).sum())).sum()
    target = torch.tensor([2])
    assert close(ours, F.cross_entropy(z, target, label_smoothing=alpha).item())
    optimizer = torch.optim.LBFGS([z], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = F.cross_entropy(z, target, label_smoothing=alpha)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert closure().item() == pytest.approx(-(q * np.log(q)).sum(), abs=1e-6)
    assert -(q * np.log(q)).sum() > 0.1
