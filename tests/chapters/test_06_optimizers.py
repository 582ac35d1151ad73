"""Each labelled equation of chapter 6, written out in NumPy as it is printed, against an independent reference.

The decorator pins the printed text, so that a formula cannot change in the chapter without its test.
"""

from itertools import combinations

import numpy as np
import pytest
import torch

from tests.chapters.gates import printed

RNG = np.random.default_rng(6)
W0 = RNG.normal(size=7)
GRADS = RNG.normal(size=(50, 7))
CURVATURE = np.linspace(0.5, 8.0, 7)


def torch_path(optimizer_class, *, gradient=None, start=W0, **hyper):
    """Weights after each of 50 steps of a PyTorch optimizer, (50, 7): on GRADS, or on a gradient function."""
    w = torch.tensor(start, requires_grad=True)
    optimizer = optimizer_class([w], **hyper)
    path = []
    for g in GRADS:
        w.grad = torch.tensor(g if gradient is None else gradient(w.detach().numpy()))
        optimizer.step()
        path.append(w.detach().numpy().copy())
    return np.array(path)


def close(a, b, rtol=1e-10):
    return np.allclose(a, b, rtol=rtol, atol=1e-12)


# Gradient descent


@printed(r"J(w + d) = J(w) + g^\top d + O(\lVert d \rVert^2) .")
def test_eq_taylor():
    def J(w):
        return np.log(np.cosh(w)).sum() + np.sin(w).prod()

    w = torch.tensor(W0, requires_grad=True)
    (torch.log(torch.cosh(w)).sum() + torch.sin(w).prod()).backward()
    g, d = w.grad.numpy(), GRADS[0]
    remainder = [J(W0 + h * d) - J(W0) - g @ (h * d) for h in (1e-3, 5e-4)]
    assert remainder[0] / remainder[1] == pytest.approx(4, rel=0.02)  # halving d quarters a term of second order
    flipped = [J(W0 + h * d) - J(W0) + g @ (h * d) for h in (1e-3, 5e-4)]
    assert flipped[0] / flipped[1] == pytest.approx(2, rel=0.02)


def gd(grads, eta, sign=-1):
    w, path = W0, []
    for g in grads:
        w = w + sign * eta * g
        path.append(w)
    return np.array(path)


@printed(r"w_t = w_{t-1} - \eta\, g_t , \qquad g_t = \nabla J(w_{t-1}) ,")
def test_eq_gd():
    assert close(gd(GRADS, 0.1), torch_path(torch.optim.SGD, lr=0.1))
    assert not close(gd(GRADS, 0.1, sign=+1), torch_path(torch.optim.SGD, lr=0.1))


def random_quadratic():
    rotation, _ = np.linalg.qr(GRADS[:7])
    return rotation @ np.diag(CURVATURE) @ rotation.T, rotation


@printed(r"e_{t,i} = (1 - \eta \lambda_i)\, e_{t-1,i} .")
def test_eq_gd_quadratic():
    A, rotation = random_quadratic()
    path = torch_path(torch.optim.SGD, gradient=lambda w: A @ (w - 1), lr=0.2)
    e = (path - 1) @ rotation  # coordinates along the eigenvectors
    assert close(e[1:], (1 - 0.2 * CURVATURE) * e[:-1])


@printed(r"0 < \eta < \frac{2}{L} .")
def test_eq_stable_rate():
    A, rotation = random_quadratic()
    L = np.linalg.eigvalsh(A).max()

    def factor(eta):  # of the last step of many, from a start with a part in every direction
        e = rotation.sum(1)
        for _ in range(4000):
            e = (e - eta * A @ e) / np.linalg.norm(e)
        return np.linalg.norm(e)

    assert factor(0.999 * 2 / L) < 1 < factor(1.001 * 2 / L)
    assert factor(1e-3) < 1 < factor(-1e-3)


@printed(
    r"\eta^\star = \frac{2}{m + L} , \qquad \rho^\star = \frac{\kappa - 1}{\kappa + 1} , \qquad \kappa = \frac{L}{m} ."
)
def test_eq_best_rate():
    m, L = CURVATURE.min(), CURVATURE.max()
    kappa = L / m

    def worst(eta):
        return np.abs(1 - eta * CURVATURE).max()

    etas = np.linspace(0, 2 / L, 100_001)
    values = np.abs(1 - etas[:, None] * CURVATURE).max(1)
    assert etas[values.argmin()] == pytest.approx(2 / (m + L), abs=1e-5)
    assert worst(2 / (m + L)) == pytest.approx((kappa - 1) / (kappa + 1), rel=1e-12)
    assert worst(2 / (m + L)) != pytest.approx((kappa + 1) / (kappa - 1))


# Stochastic gradients


def regression(N=6, P=3):
    X, y = RNG.normal(size=(N, P)), RNG.normal(size=N)
    return X, y


@printed(r"\nabla J(w) = \frac{1}{N} \sum_{n=1}^{N} \nabla \ell_n(w) + \lambda \nabla R(w) .")
def test_eq_batch_gradient():
    X, y = regression()
    w, lam = torch.tensor(RNG.normal(size=3), requires_grad=True), 0.3
    loss = ((torch.tensor(X) @ w - torch.tensor(y)) ** 2).mean() + lam * (w**4).sum()
    loss.backward()
    v = w.detach().numpy()
    per_sample = 2 * (X @ v - y)[:, None] * X
    assert close(per_sample.sum(0) / len(X) + lam * 4 * v**3, w.grad.numpy())
    assert not close(per_sample.sum(0) / len(X) - lam * 4 * v**3, w.grad.numpy())


@printed(r"g_t = \frac{1}{B} \sum_{n \in \mathcal{B}} \nabla \ell_n(w_{t-1}) + \lambda \nabla R(w_{t-1}) .")
def test_eq_minibatch():
    X, y = regression()
    v, rows, lam = RNG.normal(size=3), [0, 2, 5], 0.3
    w = torch.tensor(v, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=1.0, weight_decay=lam)  # adds the gradient of lam / 2 ||w||^2
    ((torch.tensor(X[rows]) @ w - torch.tensor(y[rows])) ** 2).mean().backward()
    optimizer.step()
    g = sum(2 * (X[n] @ v - y[n]) * X[n] for n in rows) / len(rows) + lam * v
    assert close(v - g, w.detach().numpy())


@printed(r"\mathbb{E}\, \lVert g_t - \nabla J \rVert^2 = \frac{\sigma^2}{B} \cdot \frac{N - B}{N - 1} .")
def test_eq_minibatch_variance():
    samples = RNG.normal(size=(7, 3))  # gradients of seven samples; all batches are enumerated
    N, mean = len(samples), samples.mean(0)
    sigma2 = ((samples - mean) ** 2).sum(1).mean()
    for B in range(1, N + 1):
        batches = np.array([samples[list(rows)].mean(0) for rows in combinations(range(N), B)])
        assert close(batches.mean(0), mean)  # unbiased
        assert close(((batches - mean) ** 2).sum(1).mean(), sigma2 / B * (N - B) / (N - 1))
        if 1 < B < N:
            assert not close(((batches - mean) ** 2).sum(1).mean(), sigma2 / B)  # with replacement


# Momentum


def momentum(grads, eta, mu, sign=-1):
    w, v, path = W0, 0 * W0, []
    for g in grads:
        v = mu * v + sign * eta * g
        w = w + v
        path.append(w)
    return np.array(path)


@printed(
    r"\begin{aligned} v_t &= \mu\, v_{t-1} - \eta\, g_t , \\ "
    r"w_t &= w_{t-1} + v_t \end{aligned}"
)
def test_eq_momentum():
    expected = torch_path(torch.optim.SGD, lr=0.1, momentum=0.9)
    assert close(momentum(GRADS, 0.1, 0.9), expected)
    assert not close(momentum(GRADS, 0.1, 0.9, sign=+1), expected)
    assert not close(momentum(GRADS, 0.1, -0.9), expected)


@printed(
    r"\begin{aligned} v_t &= -\eta\, g\, (1 + \mu + \dots + \mu^{t-1}) \\ "
    r"&= -\frac{1 - \mu^t}{1 - \mu}\, \eta\, g \;\longrightarrow\; -\frac{\eta\, g}{1 - \mu} , \end{aligned}"
)
def test_eq_terminal_velocity():
    eta, mu, g = 0.1, 0.9, 2.5
    path = momentum(np.full((400, 7), g), eta, mu)
    v = np.diff(np.vstack([W0, path]), axis=0)[:, 0]
    for t in (1, 2, 7, 50):
        assert v[t - 1] == pytest.approx(-eta * g * sum(mu**k for k in range(t)))
        assert v[t - 1] == pytest.approx(-(1 - mu**t) / (1 - mu) * eta * g)
    assert v[-1] == pytest.approx(-eta * g / (1 - mu))


@printed(r"\lvert v_t \rvert \;\longrightarrow\; \frac{\eta\, \lvert g \rvert}{1 + \mu} .")
def test_eq_oscillating_velocity():
    eta, mu, g = 0.1, 0.9, 2.5
    grads = np.array([(-1) ** t * g * np.ones(7) for t in range(1, 401)])
    v = np.diff(momentum(grads, eta, mu), axis=0)
    assert np.abs(v[-1]) == pytest.approx(eta * abs(g) / (1 + mu))
    assert np.abs(v[-1]) != pytest.approx(eta * abs(g) / (1 - mu))


@printed(r"\rho = \frac{\sqrt{\kappa} - 1}{\sqrt{\kappa} + 1} ,")
def test_eq_heavy_ball_rate():
    m, L = 1.0, 100.0
    rho = (np.sqrt(L / m) - 1) / (np.sqrt(L / m) + 1)
    eta, mu = 4 / (np.sqrt(L) + np.sqrt(m)) ** 2, rho**2

    def radius(eta, mu):  # slowest factor of (e_t, e_{t-1}) -> (e_{t+1}, e_t) over all curvatures
        curvatures = np.linspace(m, L, 101)
        steps = np.array([[[1 + mu - eta * c, -mu], [1, 0]] for c in curvatures])
        return np.abs(np.linalg.eigvals(steps)).max()

    assert radius(eta, mu) == pytest.approx(rho, abs=1e-6)
    nearby = [radius(eta * a, mu + b) for a in (0.97, 1, 1.03) for b in (-0.02, 0, 0.02) if (a, b) != (1, 0)]
    assert min(nearby) > rho + 1e-3


def nesterov(gradient, eta, mu, sign=-1, steps=50):
    """The textbook form from W0; returns the look-ahead points w_t + mu v_t, (steps, P)."""
    w, v, ahead = W0, 0 * W0, []
    for _ in range(steps):
        v = mu * v + sign * eta * gradient(w + mu * v)
        w = w + v
        ahead.append(w + mu * v)
    return np.array(ahead)


def slope(w):
    return CURVATURE * w + np.sin(w)


@printed(
    r"\begin{aligned} v_t &= \mu\, v_{t-1} - \eta\, \nabla J(w_{t-1} + \mu\, v_{t-1}) , \\ "
    r"w_t &= w_{t-1} + v_t . \end{aligned}"
)
def test_eq_nesterov():
    expected = torch_path(torch.optim.SGD, gradient=slope, lr=0.05, momentum=0.9, nesterov=True)
    assert close(nesterov(slope, 0.05, 0.9), expected)
    assert not close(nesterov(slope, 0.05, 0.9, sign=+1), expected)


@printed(
    r"\begin{aligned} b_t &= \mu\, b_{t-1} + \nabla J(\theta_{t-1}) , \\ "
    r"\theta_t &= \theta_{t-1} - \eta\, \bigl( \nabla J(\theta_{t-1}) + \mu\, b_t \bigr) . \end{aligned}"
)
def test_eq_nesterov_torch():
    theta, b, path = W0, 0 * W0, []
    for _ in range(50):
        g = slope(theta)
        b = 0.9 * b + g
        theta = theta - 0.05 * (g + 0.9 * b)
        path.append(theta)
    assert close(path, torch_path(torch.optim.SGD, gradient=slope, lr=0.05, momentum=0.9, nesterov=True))


@printed(
    r"\begin{aligned} b_t &= \mu\, b_{t-1} + g_t , \\ "
    r"w_t &= w_{t-1} - \eta\, b_t . \end{aligned}"
)
def test_eq_momentum_torch():
    """Also under a schedule, where the textbook form differs."""
    w = torch.tensor(W0, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.1)
    ours, b = W0, 0 * W0
    textbook, v = W0, 0 * W0
    for t, g in enumerate(GRADS):
        w.grad = torch.tensor(g)
        optimizer.step()
        schedule.step()
        eta = 0.1 * 0.1 ** (t // 10)
        b = 0.9 * b + g
        ours = ours - eta * b
        v = 0.9 * v - eta * g
        textbook = textbook + v
    assert close(ours, w.detach().numpy())
    assert not close(textbook, w.detach().numpy())


# A step size for every weight


def adagrad(grads, eta, eps, sign=-1):
    w, G, path = W0, 0 * W0, []
    for g in grads:
        G = G + g**2
        w = w + sign * eta * g / (np.sqrt(G) + eps)
        path.append(w)
    return np.array(path)


@printed(
    r"\begin{aligned} G_t &= G_{t-1} + g_t^2 , \\ "
    r"w_t &= w_{t-1} - \eta\, \frac{g_t}{\sqrt{G_t} + \varepsilon} . \end{aligned}"
)
def test_eq_adagrad():
    expected = torch_path(torch.optim.Adagrad, lr=0.1, eps=1e-3)
    assert close(adagrad(GRADS, 0.1, 1e-3), expected)
    assert not close(adagrad(GRADS, 0.1, 1e-3, sign=+1), expected)


@printed(r"\lvert w_t - w_{t-1} \rvert = \frac{\eta}{\sqrt{t}} .")
def test_eq_adagrad_decay():
    constant = np.full((50, 7), -3.0)
    steps = np.abs(np.diff(np.vstack([W0, adagrad(constant, 0.1, 0.0)]), axis=0))
    assert close(steps, (0.1 / np.sqrt(np.arange(1, 51)))[:, None])


def rmsprop(grads, eta, alpha, eps, sign=-1):
    w, s, path = W0, 0 * W0, []
    for g in grads:
        s = alpha * s + (1 - alpha) * g**2
        w = w + sign * eta * g / (np.sqrt(s) + eps)
        path.append(w)
    return np.array(path)


@printed(
    r"\begin{aligned} s_t &= \alpha\, s_{t-1} + (1 - \alpha)\, g_t^2 , \\ "
    r"w_t &= w_{t-1} - \eta\, \frac{g_t}{\sqrt{s_t} + \varepsilon} , \end{aligned}"
)
def test_eq_rmsprop():
    expected = torch_path(torch.optim.RMSprop, lr=0.1, alpha=0.9, eps=1e-3)
    assert close(rmsprop(GRADS, 0.1, 0.9, 1e-3), expected)
    assert not close(rmsprop(GRADS, 0.1, 0.9, 1e-3, sign=+1), expected)


# Adam


def moments(grads, beta1, beta2):
    m, s = 0 * W0, 0 * W0
    for g in grads:
        m = beta1 * m + (1 - beta1) * g
        s = beta2 * s + (1 - beta2) * g**2
        yield m, s


@printed(
    r"\begin{aligned} m_t &= \beta_1 m_{t-1} + (1 - \beta_1)\, g_t , \\ "
    r"s_t &= \beta_2 s_{t-1} + (1 - \beta_2)\, g_t^2 . \end{aligned}"
)
def test_eq_adam_moments():
    w = torch.tensor(W0, requires_grad=True)
    optimizer = torch.optim.Adam([w], betas=(0.8, 0.95))
    for g, (m, s) in zip(GRADS, moments(GRADS, 0.8, 0.95), strict=True):
        w.grad = torch.tensor(g)
        optimizer.step()
        state = optimizer.state[w]
        assert close(m, state["exp_avg"].numpy())
        assert close(s, state["exp_avg_sq"].numpy())


@printed(
    r"\begin{aligned} \mathbb{E}[m_t] &= (1 - \beta_1^t)\, \mathbb{E}[g] , \\ "
    r"\mathbb{E}[s_t] &= (1 - \beta_2^t)\, \mathbb{E}[g^2] . \end{aligned}"
)
def test_eq_adam_bias():
    """Exact expectation: gradients are independent and take two values, so all 2^t sequences can be listed."""
    values, probabilities, t = np.array([1.0, -4.0]), np.array([0.7, 0.3]), 6
    mean_m = mean_s = 0.0
    for code in range(2**t):
        picks = [(code >> k) & 1 for k in range(t)]
        *_, (m, s) = moments(values[picks][:, None], 0.9, 0.99)
        mean_m += probabilities[picks].prod() * m[0]
        mean_s += probabilities[picks].prod() * s[0]
    assert mean_m == pytest.approx((1 - 0.9**t) * probabilities @ values)
    assert mean_s == pytest.approx((1 - 0.99**t) * probabilities @ values**2)
    assert mean_m != pytest.approx((1 - 0.9) * probabilities @ values)  # without the exponent


def adam(grads, eta, beta1, beta2, eps, *, sign=-1, exponent=True, decay=0.0):
    w, path = W0, []
    for t, (m, s) in enumerate(moments(grads, beta1, beta2), start=1):
        power = t if exponent else 1
        m_hat, s_hat = m / (1 - beta1**power), s / (1 - beta2**power)
        w = (1 - eta * decay) * w + sign * eta * m_hat / (np.sqrt(s_hat) + eps)
        path.append(w)
    return np.array(path)


@printed(
    r"\begin{aligned} \hat m_t &= \frac{m_t}{1 - \beta_1^t} , \\ "
    r"\hat s_t &= \frac{s_t}{1 - \beta_2^t} , \\ "
    r"w_t &= w_{t-1} - \eta\, \frac{\hat m_t}{\sqrt{\hat s_t} + \varepsilon} . \end{aligned}"
)
def test_eq_adam():
    expected = torch_path(torch.optim.Adam, lr=0.1, betas=(0.8, 0.95), eps=1e-3)
    assert close(adam(GRADS, 0.1, 0.8, 0.95, 1e-3), expected)
    assert not close(adam(GRADS, 0.1, 0.8, 0.95, 1e-3, sign=+1), expected)
    assert not close(adam(GRADS, 0.1, 0.8, 0.95, 1e-3, exponent=False), expected)


def adamax(grads, eta, beta1, beta2, eps, sign=-1):
    w, u, path = W0, 0 * W0, []
    for t, (g, (m, _)) in enumerate(zip(grads, moments(grads, beta1, beta2), strict=True), start=1):
        u = np.maximum(beta2 * u, np.abs(g) + eps)
        w = w + sign * eta * (m / (1 - beta1**t)) / u
        path.append(w)
    return np.array(path)


@printed(
    r"\begin{aligned} u_t &= \max(\beta_2\, u_{t-1},\; \lvert g_t \rvert + \varepsilon) , \\ "
    r"w_t &= w_{t-1} - \eta\, \frac{\hat m_t}{u_t} . \end{aligned}"
)
def test_eq_adamax():
    expected = torch_path(torch.optim.Adamax, lr=0.1, betas=(0.8, 0.95), eps=1e-3)
    assert close(adamax(GRADS, 0.1, 0.8, 0.95, 1e-3), expected)
    assert not close(adamax(GRADS, 0.1, 0.8, 0.95, 1e-3, sign=+1), expected)


# Weight decay and clipping


@printed(r"\nabla \left( \tfrac{\lambda}{2} \lVert w \rVert^2 \right) = \lambda w .")
def test_eq_penalty():
    w = torch.tensor(W0, requires_grad=True)
    (0.3 / 2 * w.norm() ** 2).backward()
    assert close(0.3 * W0, w.grad.numpy())


@printed(r"w_t = (1 - \eta \lambda)\, w_{t-1} - \eta\, g_t :")
def test_eq_sgd_decay():
    def path(lam):
        w, out = W0, []
        for g in GRADS:
            w = (1 - 0.1 * lam) * w - 0.1 * g
            out.append(w)
        return out

    expected = torch_path(torch.optim.SGD, lr=0.1, weight_decay=0.3)
    assert close(path(0.3), expected)
    assert not close(path(-0.3), expected)


@printed(r"g_t \leftarrow g_t + \lambda\, w_{t-1} \quad \text{before} \quad m_t, s_t ,")
def test_eq_coupled_decay():
    def path(lam):
        w, m, s, out = W0, 0 * W0, 0 * W0, []
        for t, g in enumerate(GRADS, start=1):
            g = g + lam * w
            m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
            w = w - 0.1 * m / (1 - 0.9**t) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
            out.append(w)
        return out

    expected = torch_path(torch.optim.Adam, lr=0.1, weight_decay=0.3)
    assert close(path(0.3), expected, rtol=1e-8)
    assert not close(path(-0.3), expected, rtol=1e-8)


@printed(r"w_t = (1 - \eta \lambda)\, w_{t-1} - \eta\, \frac{\hat m_t}{\sqrt{\hat s_t} + \varepsilon} .")
def test_eq_adamw():
    expected = torch_path(torch.optim.AdamW, lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3)
    assert close(adam(GRADS, 0.1, 0.8, 0.95, 1e-3, decay=0.3), expected)
    assert not close(adam(GRADS, 0.1, 0.8, 0.95, 1e-3, decay=-0.3), expected)
    assert not close(torch_path(torch.optim.Adam, lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3), expected)


@printed(r"g_t \leftarrow \min \left( 1, \frac{c}{\lVert g_t \rVert} \right) g_t .")
def test_eq_clip():
    for c in (0.5, 100.0):  # shorter and longer than the gradient
        parts = [torch.tensor(GRADS[0][:3]), torch.tensor(GRADS[0][3:])]
        parameters = [torch.nn.Parameter(torch.zeros_like(part)) for part in parts]
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.grad = part
        torch.nn.utils.clip_grad_norm_(parameters, c)
        clipped = np.concatenate([parameter.grad.numpy() for parameter in parameters])
        g = GRADS[0]
        assert close(min(1, c / np.linalg.norm(g)) * g, clipped, rtol=1e-5)  # PyTorch adds 1e-6 to the norm
