"""Each labelled equation of chapter 3, written out in NumPy as it is printed, against an independent reference.

The decorator pins the printed text, so that a formula cannot change in the chapter without its test. Below the
equations stand the numbers that the chapter promises to reproduce, read from the outputs that are stored in it.
"""

import math
from itertools import pairwise

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nnutils.autograd import Step, contributions, forward
from tests.chapters.gates import ROOT, printed

RNG = np.random.default_rng(3)


def close(a, b, rtol=1e-10):
    return np.allclose(a, b, rtol=rtol, atol=1e-12)


def watched(*arrays):
    return [torch.tensor(array, dtype=torch.float64, requires_grad=True) for array in arrays]


def gradients(loss, *tensors):
    return [g.numpy() for g in torch.autograd.grad(loss, tensors, retain_graph=True)]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    return np.exp(z) / np.exp(z).sum(-1, keepdims=True)


def slope(f, x, h=1e-5):
    return (f(x + h) - f(x - h)) / (2 * h)


# The chain rule and a graph


@printed(r"\frac{d}{dx} f(g(x)) = f'(g(x))\, g'(x) .")
def test_eq_chain_rule():
    for x in (0.3, 1.0, 1.7):
        assert slope(lambda x: math.sin(x**2), x) == pytest.approx(math.cos(x**2) * 2 * x, rel=1e-8)
        assert math.sin(x**2) != pytest.approx(math.cos(x**2) * 2 * x)  # the derivative on the left matters


@printed(
    r"\frac{\partial f}{\partial x} = \sum_{k=1}^{m} \frac{\partial f}{\partial u_k} "
    r"\cdot \frac{\partial u_k}{\partial x} ."
)
def test_eq_chain_sum():
    def u(x):
        return np.array([x**2, math.sin(x), math.exp(-x)])

    def f(u):
        return u[0] * u[1] + u[2] ** 3

    x = 0.8
    df_du = np.array([u(x)[1], u(x)[0], 3 * u(x)[2] ** 2])
    du_dx = np.array([2 * x, math.cos(x), -math.exp(-x)])
    assert sum(df_du[k] * du_dx[k] for k in range(3)) == pytest.approx(slope(lambda x: f(u(x)), x), rel=1e-8)


def cosine(x):
    return (x[0] + x[1]) ** 2 + 7 * x[0] + np.cos(x[0] + x[2])


@printed(r"f(x) = (x_0 + x_1)^2 + 7 x_0 + \cos(x_0 + x_2) .")
def test_eq_cos():
    assert cosine(np.array([2.0, 3.0, -2.0])) == 40
    x = RNG.normal(size=3)
    (t,) = watched(x)
    a, b = t[0] + t[1], t[0] + t[2]
    assert close((a**2 + 7 * t[0] + torch.cos(b)).item(), cosine(x))


@printed(
    r"\nabla f(x) = \begin{pmatrix} 2(x_0 + x_1) + 7 - \sin(x_0 + x_2) \\ 2(x_0 + x_1) \\ "
    r"-\sin(x_0 + x_2) \end{pmatrix} ."
)
def test_eq_cos_gradient():
    def gradient(x):
        last = -np.sin(x[0] + x[2])
        return np.array([2 * (x[0] + x[1]) + 7 + last, 2 * (x[0] + x[1]), last])

    assert gradient(np.array([2.0, 3.0, -2.0])).tolist() == [17, 10, 0]
    x = RNG.normal(size=3)
    numerical = [slope(lambda v, i=i: cosine(np.where(np.arange(3) == i, v, x)), x[i]) for i in range(3)]
    assert close(gradient(x), numerical, rtol=1e-7)


@printed(
    r"\bar v_i = \sum_{j \,:\, i \to j} \bar v_j\, \frac{\partial v_j}{\partial v_i} , "
    r"\qquad \bar v_{\text{last}} = 1 ."
)
def test_eq_reverse_mode():
    graph = [
        Step("a", "mul", "x", "y"),
        Step("b", "tanh", "a"),
        Step("c", "mul", "b", "a"),
        Step("d", "mul", "a", "a"),
        Step("f", "add", "c", "d"),
    ]
    at = {"x": 0.7, "y": -1.3}
    values = forward(graph, at)
    v = dict.fromkeys(values, 0.0) | {"f": 1.0}
    for one in contributions(graph, values):  # the last step first, so that v is complete when it is used
        v[one.input] += v[one.step] * one.local
    x, y = watched(at["x"], at["y"])
    a = x * y
    assert close([v["x"], v["y"]], gradients(torch.tanh(a) * a + a * a, x, y))


# One step


def half_squared(w, a, b, y):
    return (y - torch.sigmoid(w @ a + b)) ** 2 / 2


@printed(
    r"\begin{aligned} \frac{\partial \ell}{\partial w_i} &= \frac{\partial \ell}{\partial \hat y} \cdot "
    r"\frac{\partial \hat y}{\partial z} \cdot \frac{\partial z}{\partial w_i} \\ &= (\hat y - y)\, \sigma'(z)\, a_i . "
    r"\end{aligned}"
)
def test_eq_last_layer():
    w, a = watched(RNG.normal(size=4), RNG.normal(size=4))
    b, y = 0.3, 1.0
    (g,) = gradients(half_squared(w, a, b, y), w)
    w, a = w.detach().numpy(), a.detach().numpy()
    y_hat = sigmoid(w @ a + b)
    assert close((y_hat - y) * y_hat * (1 - y_hat) * a, g)
    assert not close((y - y_hat) * y_hat * (1 - y_hat) * a, g)


@printed(
    r"\begin{aligned} \frac{\partial \ell}{\partial w_{ij}^{(1)}} &= \underbrace{\frac{\partial \ell}{\partial \hat y} "
    r"\cdot \frac{\partial \hat y}{\partial z^{(2)}} \cdot \frac{\partial z^{(2)}}{\partial a_i}}_{\partial \ell / "
    r"\partial a_i} \cdot \frac{\partial a_i}{\partial z_i^{(1)}} \cdot "
    r"\frac{\partial z_i^{(1)}}{\partial w_{ij}^{(1)}} \\ "
    r"&= (\hat y - y)\, \sigma'(z^{(2)})\, w_i^{(2)}\; \varphi'(z_i^{(1)})\, x_j . \end{aligned}"
)
def test_eq_hidden_layer():
    W, w = RNG.normal(size=(4, 3)), RNG.normal(size=4)
    x, b, b_out, y = RNG.normal(size=3), RNG.normal(size=4), -0.2, 1.0
    (hidden,) = watched(W)
    a = torch.tanh(hidden @ torch.tensor(x) + torch.tensor(b))
    (g,) = gradients(half_squared(torch.tensor(w), a, b_out, y), hidden)
    z_hidden = W @ x + b
    y_hat = sigmoid(w @ np.tanh(z_hidden) + b_out)
    for i in range(4):
        for j in range(3):
            upper = (y_hat - y) * y_hat * (1 - y_hat) * w[i]
            assert close(upper * (1 - np.tanh(z_hidden[i]) ** 2) * x[j], g[i, j])


@printed(
    r"\frac{\partial \ell}{\partial a_i} = \sum_{k=1}^{K} \frac{\partial \ell}{\partial z_k^{(2)}}\, w_{ki}^{(2)} ."
)
def test_eq_several_outputs():
    W, y = torch.tensor(RNG.normal(size=(3, 4))), torch.tensor(RNG.normal(size=3))
    (a,) = watched(RNG.normal(size=4))
    z = W @ a
    at_z, at_a = gradients(torch.log(torch.cosh(z - y)).sum() + z.prod(), z, a)
    assert close([sum(at_z[k] * W[k, i].item() for k in range(3)) for i in range(4)], at_a)


@printed(
    r"\frac{\partial \ell}{\partial W} = \begin{pmatrix} \frac{\partial \ell}{\partial w_{11}} & \cdots & "
    r"\frac{\partial \ell}{\partial w_{1d}} \\ \vdots & & \vdots \\ \frac{\partial \ell}{\partial w_{K1}} & \cdots & "
    r"\frac{\partial \ell}{\partial w_{Kd}} \end{pmatrix} \qquad (K, d) ."
)
def test_eq_gradient_matrix():
    layer, x = nn.Linear(5, 3).double(), torch.tensor(RNG.normal(size=5))
    layer(x).pow(2).sum().backward()
    W, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()

    def loss(k, i, value):
        changed = W.copy()
        changed[k, i] = value
        return ((changed @ x.numpy() + b) ** 2).sum()

    one_by_one = [[slope(lambda v, k=k, i=i: loss(k, i, v), W[k, i]) for i in range(5)] for k in range(3)]
    assert np.shape(one_by_one) == layer.weight.shape == layer.weight.grad.shape
    assert close(one_by_one, layer.weight.grad.numpy(), rtol=1e-7)


def two_layers():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2), nn.Sigmoid()).double()


def arrays(*tensors):
    return [tensor.detach().numpy() for tensor in tensors]


@printed(r"\hat y = \varphi_2 \bigl( W^{(2)} \varphi_1 ( W^{(1)} x + b^{(1)} ) + b^{(2)} \bigr) ,")
def test_eq_two_layers():
    net, x = two_layers(), RNG.normal(size=3)
    W1, b1, W2, b2 = arrays(*net.parameters())
    assert close(sigmoid(W2 @ np.tanh(W1 @ x + b1) + b2), net(torch.tensor(x)).detach().numpy())


@printed(
    r"\begin{aligned} \delta^{(2)} &= \frac{\partial \ell}{\partial \hat y} \odot \varphi_2'(z^{(2)}) & & (K,) , \\ "
    r"\delta^{(1)} &= W^{(2)\top} \delta^{(2)} \odot \varphi_1'(z^{(1)}) & & (H,) , \\ "
    r"\frac{\partial \ell}{\partial W^{(2)}} &= \delta^{(2)} a^{(1)\top} , \quad "
    r"\frac{\partial \ell}{\partial b^{(2)}} = \delta^{(2)} & & (K, H), (K,) , \\ "
    r"\frac{\partial \ell}{\partial W^{(1)}} &= \delta^{(1)} x^\top , \quad "
    r"\frac{\partial \ell}{\partial b^{(1)}} = \delta^{(1)} & & (H, D), (H,) . \end{aligned}"
)
def test_eq_two_layers_gradient():
    net, x, y = two_layers(), RNG.normal(size=3), RNG.normal(size=2)
    output = net(torch.tensor(x))
    loss = ((torch.tensor(y) - output) ** 2).sum() + output.prod()
    at_output, *expected = gradients(loss, output, *net.parameters())
    W1, b1, W2, b2 = arrays(*net.parameters())
    z1 = W1 @ x + b1
    a1 = np.tanh(z1)
    y_hat = sigmoid(W2 @ a1 + b2)
    delta2 = at_output * y_hat * (1 - y_hat)
    delta1 = (W2.T @ delta2) * (1 - a1**2)
    assert (delta2.shape, delta1.shape) == ((2,), (4,))
    ours = delta1[:, None] * x, delta1, delta2[:, None] * a1, delta2
    for gradient, theirs, shape in zip(ours, expected, ((4, 3), (4,), (2, 4), (2,)), strict=True):
        assert gradient.shape == shape
        assert close(gradient, theirs)


# The small network for regression


def regression():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)).double()
    x, y = torch.tensor(RNG.normal(size=2)), torch.tensor(RNG.normal(size=2))
    z1 = net[0](x)
    z2 = net[2](torch.tanh(z1))
    return net, y.numpy(), z1, z2, ((y - z2) ** 2).sum()


@printed(
    r"\delta_i^{(2)} = \frac{\partial \ell}{\partial z_i^{(2)}} = -2\, \bigl( y_i - z_i^{(2)} \bigr) , "
    r"\qquad i = 1, 2 ."
)
def test_eq_regression_output():
    _, y, _, z2, loss = regression()
    (delta2,) = gradients(loss, z2)
    z2 = z2.detach().numpy()
    assert close([-2 * (y[i] - z2[i]) for i in range(2)], delta2)
    assert not close([-2 * (y[0] - z2[i]) for i in range(2)], delta2)


@printed(
    r"\frac{\partial \ell}{\partial w_{ij}^{(2)}} = \frac{\partial \ell}{\partial z_i^{(2)}} \cdot "
    r"\frac{\partial z_i^{(2)}}{\partial w_{ij}^{(2)}} = \delta_i^{(2)}\, \varphi(z_j^{(1)}) ,"
)
def test_eq_regression_weights():
    net, _, z1, z2, loss = regression()
    delta2, expected = gradients(loss, z2, net[2].weight)
    z1 = z1.detach().numpy()
    assert close([[delta2[i] * np.tanh(z1[j]) for j in range(2)] for i in range(2)], expected)


@printed(
    r"\delta_i^{(1)} = \frac{\partial \ell}{\partial z_i^{(1)}} = \varphi'(z_i^{(1)}) \bigl( "
    r"\delta_1^{(2)} w_{1i}^{(2)} + \delta_2^{(2)} w_{2i}^{(2)} \bigr) ."
)
def test_eq_regression_hidden():
    net, _, z1, z2, loss = regression()
    delta1, delta2 = gradients(loss, z1, z2)
    z1, W = arrays(z1, net[2].weight)
    ours = [(1 - np.tanh(z1[i]) ** 2) * (delta2[0] * W[0, i] + delta2[1] * W[1, i]) for i in range(2)]
    assert close(ours, delta1)
    assert not close(
        [(1 - np.tanh(z1[i]) ** 2) * (delta2[0] * W[i, 0] + delta2[1] * W[i, 1]) for i in range(2)], delta1
    )


# Any number of layers

SIZES = (3, 5, 4, 2)


def layered():
    """Run a tanh network by hand; return parameters, all z and a as tensors, the target and the loss."""
    params = [watched(RNG.normal(size=(n, m)), RNG.normal(size=n)) for m, n in pairwise(SIZES)]
    a, z = [torch.tensor(RNG.normal(size=3))], []
    for W, b in params:
        z.append(W @ a[-1] + b)
        a.append(torch.tanh(z[-1]))
    y = torch.tensor(RNG.normal(size=2))
    return params, z, a, y, ((y - a[-1]) ** 2).sum()


@printed(
    r"\begin{aligned} z^{(l)} &= W^{(l)} a^{(l-1)} + b^{(l)} , \\ a^{(l)} &= \varphi_l(z^{(l)}) , \end{aligned} "
    r"\qquad \hat y = a^{(M)} ,"
)
def test_eq_layers():
    torch.manual_seed(2)
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    a = x = RNG.normal(size=3)
    weights = arrays(*net.parameters())
    for l, phi in enumerate((np.tanh, lambda z: np.maximum(z, 0), lambda z: z)):
        W, b = weights[2 * l : 2 * l + 2]
        assert W.shape == ((5, 4, 2)[l], (3, 5, 4)[l])
        a = phi(W @ a + b)
    assert close(a, net(torch.tensor(x)).detach().numpy())


@printed(r"\delta_j^{(l)} = \frac{\partial \ell}{\partial z_j^{(l)}} , \qquad \delta^{(l)} \text{ of shape } (d_l,) .")
def test_eq_delta():
    """The definition, by nudging z itself and running the layers above it."""
    params, z, _, y, loss = layered()
    deltas = gradients(loss, *z)
    for l, delta in enumerate(deltas):
        assert delta.shape == (SIZES[l + 1],)

        def loss_from(value, j, l=l):
            now = z[l].detach().clone()
            now[j] = value
            for W, b in params[l + 1 :]:
                now = W @ torch.tanh(now) + b
            return ((y - torch.tanh(now)) ** 2).sum().item()

        nudged = [slope(lambda v, j=j, f=loss_from: f(v, j), z[l][j].item()) for j in range(len(delta))]
        assert close(nudged, delta, rtol=1e-6)


@printed(r"\delta_j^{(l)} = \varphi_l'(z_j^{(l)}) \sum_{k=1}^{d_{l+1}} w_{kj}^{(l+1)}\, \delta_k^{(l+1)} ,")
def test_eq_delta_recursion():
    params, z, _, _, loss = layered()
    deltas = gradients(loss, *z)
    for l in range(2):
        W, z_l, above = params[l + 1][0].detach().numpy(), z[l].detach().numpy(), deltas[l + 1]
        phi_slope = 1 - np.tanh(z_l) ** 2
        sums = [sum(W[k, j] * above[k] for k in range(len(above))) for j in range(len(z_l))]
        assert close(phi_slope * sums, deltas[l])
        assert not close(sums, deltas[l])


@printed(
    r"\frac{\partial \ell}{\partial w_{ji}^{(l)}} = \delta_j^{(l)}\, a_i^{(l-1)} , \qquad "
    r"\frac{\partial \ell}{\partial b_j^{(l)}} = \delta_j^{(l)} ."
)
def test_eq_delta_gradients():
    params, z, a, _, loss = layered()
    for (W, b), z_l, below in zip(params, z, a, strict=False):
        delta, at_W, at_b = gradients(loss, z_l, W, b)
        inputs = below.detach().numpy()
        assert close([[delta[j] * inputs[i] for i in range(len(inputs))] for j in range(len(delta))], at_W)
        assert close(delta, at_b)


@printed(
    r"\begin{aligned} \delta^{(l)} &= \varphi_l'(z^{(l)}) \odot W^{(l+1)\top} \delta^{(l+1)} , \\ "
    r"\frac{\partial \ell}{\partial W^{(l)}} &= \delta^{(l)} a^{(l-1)\top} , \qquad "
    r"\frac{\partial \ell}{\partial b^{(l)}} = \delta^{(l)} . \end{aligned}"
)
def test_eq_delta_vectors():
    params, z, a, _, loss = layered()
    deltas = gradients(loss, *z)
    for l in range(3):
        below = a[l].detach().numpy()
        if l < 2:
            W, activation = arrays(params[l + 1][0], a[l + 1])
            assert close((1 - activation**2) * (W.T @ deltas[l + 1]), deltas[l])
        at_W, at_b = gradients(loss, *params[l])
        assert close(deltas[l][:, None] * below[None, :], at_W)
        assert close(deltas[l], at_b)


@printed(r"\delta^{(M)} = c\, (\hat y - y) , \qquad c = 2, 1, 1 .")
def test_eq_output_deltas():
    values, y = RNG.normal(size=4), RNG.normal(size=4)
    (z,) = watched(values)
    assert close(2 * (values - y), *gradients(((torch.tensor(y) - z) ** 2).sum(), z))

    y = np.array([1.0, 0.0, 1.0, 0.3])
    loss = F.binary_cross_entropy_with_logits(z, torch.tensor(y), reduction="sum")
    y_hat = sigmoid(values)
    assert close(loss.item(), -(y * np.log(y_hat) + (1 - y) * np.log(1 - y_hat)).sum())
    assert close(y_hat - y, *gradients(loss, z))

    y = np.array([0.1, 0.6, 0.0, 0.3])  # adds up to one
    loss = F.cross_entropy(z[None], torch.tensor(y)[None])
    assert close(loss.item(), -(y * np.log(softmax(values))).sum())
    (expected,) = gradients(loss, z)
    assert close(softmax(values) - y, expected)
    assert not close(y - softmax(values), expected)


# A batch


@printed(
    r"\begin{aligned} \frac{\partial J}{\partial X} &= G\, W & & (N, D) , \\ "
    r"\frac{\partial J}{\partial W} &= G^\top X & & (K, D) , \\ "
    r"\frac{\partial J}{\partial b} &= \textstyle\sum_n G_n & & (K,) . \end{aligned}"
)
def test_eq_dense_backward():
    X, W, b = watched(RNG.normal(size=(6, 4)), RNG.normal(size=(3, 4)), RNG.normal(size=3))
    Z = X @ W.T + b
    G, *expected = gradients(torch.sin(Z).prod(1).mean(), Z, X, W, b)
    X, W, b = arrays(X, W, b)
    for ours, autograd, shape in zip((G @ W, G.T @ X, G.sum(0)), expected, ((6, 4), (3, 4), (3,)), strict=True):
        assert ours.shape == shape
        assert close(ours, autograd)


@printed(r"G^{(l)} = \bigl( G^{(l+1)} W^{(l+1)} \bigr) \odot \varphi_l'(Z^{(l)}) \qquad (N, d_l) .")
@pytest.mark.parametrize(
    ("phi", "slope_of"), [(torch.tanh, lambda z: 1 - np.tanh(z) ** 2), (torch.relu, lambda z: z > 0)]
)
def test_eq_batch_recursion(phi, slope_of):
    X, W1, W2 = watched(RNG.normal(size=(6, 4)), RNG.normal(size=(5, 4)), RNG.normal(size=(3, 5)))
    Z1 = X @ W1.T
    Z2 = phi(Z1) @ W2.T
    G1, G2 = gradients(torch.sin(Z2).prod(1).mean(), Z1, Z2)
    Z, W = arrays(Z1, W2)
    assert G1.shape == (6, 5)
    assert close((G2 @ W) * slope_of(Z), G1)
    assert not close(G2 @ W, G1)


def classification():
    Z, Y = RNG.normal(size=(5, 3)), np.eye(3)[[2, 0, 1, 2, 0]]
    (Z3,) = watched(Z)
    A3 = torch.softmax(Z3, dim=1)
    return Z3, A3, Y, -(torch.tensor(Y) * A3.log()).sum() / 5


@printed(r"\frac{\partial J}{\partial A^{(3)}} = -\frac{1}{N}\, Y \oslash A^{(3)} ,")
def test_eq_loss_by_probabilities():
    _, A3, Y, loss = classification()
    assert close(-1 / 5 * Y / A3.detach().numpy(), *gradients(loss, A3))


@printed(r"\frac{\partial J}{\partial Z^{(3)}} = \frac{1}{N} \bigl( A^{(3)} - Y \bigr) .")
def test_eq_softmax_cross_entropy():
    Z3, A3, Y, loss = classification()
    assert close(loss.item(), F.cross_entropy(Z3, torch.tensor(Y.argmax(1))).item())
    assert close(1 / 5 * (A3.detach().numpy() - Y), *gradients(loss, Z3))


def line():
    X, y = RNG.normal(size=(6, 3)), RNG.normal(size=6)
    w = RNG.normal(size=3)
    return X, y, w, 2 * (X @ w - y)[:, None] * X  # the last: gradient of each sample's squared error


@printed(
    r"\frac{\partial J}{\partial W} = \frac{1}{N} \sum_{n=1}^{N} \frac{\partial \ell_n}{\partial W} \;\approx\; "
    r"\frac{1}{B} \sum_{n \in \mathcal{B}} \frac{\partial \ell_n}{\partial W} ,"
)
def test_eq_mean_gradient():
    X, y, w, per_sample = line()
    (t,) = watched(w)
    (full,) = gradients(F.mse_loss(torch.tensor(X) @ t, torch.tensor(y)), t)
    assert close(per_sample.sum(0) / 6, full)
    pairs = [[i, j] for i in range(6) for j in range(i)]  # all batches of two: right on average
    assert close(np.mean([per_sample[rows].sum(0) / 2 for rows in pairs], axis=0), full)
    assert not close(np.mean([per_sample[rows].sum(0) for rows in pairs], axis=0), full)


@printed(r"W \leftarrow W - \frac{\eta}{B} \sum_{n \in \mathcal{B}} \frac{\partial \ell_n}{\partial W} .")
def test_eq_batch_update():
    X, y, w, per_sample = line()
    rows = [0, 3, 4]
    (t,) = watched(w)
    optimizer = torch.optim.SGD([t], lr=0.1)
    F.mse_loss(torch.tensor(X[rows]) @ t, torch.tensor(y[rows])).backward()
    optimizer.step()
    assert close(w - 0.1 / 3 * per_sample[rows].sum(0), t.detach().numpy())


# Cost and check


def flops(sizes, N):
    torch.manual_seed(0)
    layers = [layer for m, n in pairwise(sizes) for layer in (nn.Linear(m, n), nn.ReLU())]
    net, X = nn.Sequential(*layers[:-1]), torch.zeros(N, sizes[0])

    def count(run):
        with FlopCounterMode(display=False) as counter:
            run()
        return counter.get_total_flops()

    return count(lambda: net(X)), count(lambda: net(X).sum().backward())


@printed(
    r"\begin{aligned} \text{forward} &= 2N \sum_{l=1}^{M} d_{l-1}\, d_l , \\ "
    r"\text{backward} &= 4N \sum_{l=1}^{M} d_{l-1}\, d_l - 2N d_0 d_1 . \end{aligned}"
)
@pytest.mark.parametrize(("d", "N"), [((784, 512, 512, 10), 64), ((7, 5), 3), ((20, 20, 20, 20, 4), 2)])
def test_eq_flops(d, N):
    products = sum(d[l - 1] * d[l] for l in range(1, len(d)))
    once, both = flops(d, N)
    assert once == 2 * N * products
    assert both - once == 4 * N * products - 2 * N * d[0] * d[1]


@printed(r"\frac{f(x + h) - f(x - h)}{2h} = f'(x) + \frac{h^2}{6} f'''(x) + O(h^4) .")
def test_eq_central_difference():
    x = 0.7  # f = exp(2 x): f' = 2 f, f''' = 8 f
    f = math.exp(2 * x)

    def rest(h):
        return slope(lambda x: math.exp(2 * x), x, h) - 2 * f - h**2 / 6 * 8 * f

    assert rest(0.1) / rest(0.05) == pytest.approx(16, rel=0.01)  # of fourth order
    assert abs(rest(1e-2)) < 1e-4 * (1e-2**2 / 6 * 8 * f)


@printed(r"h^\star = \sqrt[3]{\frac{3\, \epsilon\, \lvert f \rvert}{\lvert f''' \rvert}} .")
def test_eq_best_step():
    for eps, f, third in ((1.1e-16, 1.0, 1.0), (6e-8, 2.5, 0.4)):
        h = np.logspace(-7, 0, 700_001)
        total = h**2 / 6 * third + eps * f / h
        assert h[total.argmin()] == pytest.approx((3 * eps * f / third) ** (1 / 3), rel=1e-4)
    h_star = (3 * 1.1e-16) ** (1 / 3)
    assert h_star == pytest.approx(1e-5, rel=0.5)


@printed(r"\text{relative error} = \frac{\lVert g - \tilde g \rVert}{\lVert g \rVert + \lVert \tilde g \rVert} .")
def test_eq_relative_error():
    def relative_error(g, other):
        return np.linalg.norm(g - other) / (np.linalg.norm(g) + np.linalg.norm(other))

    g = RNG.normal(size=9)
    assert relative_error(g, g) == 0
    assert relative_error(g, 2 * g) == pytest.approx(1 / 3)  # as the quiz says
    assert relative_error(g, -g) == pytest.approx(1)
    assert relative_error(1e6 * g, 1e6 * g * (1 + 1e-8)) == pytest.approx(relative_error(g, g * (1 + 1e-8)), rel=1e-6)


# History


@printed(r"\frac{\partial E}{\partial y_j} = y_j - d_j ,")
def test_eq_rumelhart_4():
    y, d = RNG.uniform(size=4), RNG.uniform(size=4)
    (t,) = watched(y)
    assert close(y - d, *gradients(((t - torch.tensor(d)) ** 2).sum() / 2, t))


@printed(r"\frac{\partial E}{\partial x_j} = \frac{\partial E}{\partial y_j} \cdot y_j (1 - y_j) .")
def test_eq_rumelhart_5():
    x, d = RNG.normal(size=4), RNG.uniform(size=4)
    (t,) = watched(x)
    y = torch.sigmoid(t)
    at_y, at_x = gradients(((y - torch.tensor(d)) ** 2).sum() / 2, y, t)
    assert close(at_y * sigmoid(x) * (1 - sigmoid(x)), at_x)


@printed(r"f'(a) = \frac{S}{A}\, \bigl( A - f(a) \bigr) \bigl( A + f(a) \bigr) .")
def test_eq_scaled_tanh():
    A, S = 1.7159, 2 / 3
    assert A * math.tanh(S) == pytest.approx(1, abs=1e-4)
    a = RNG.normal(size=7)
    (t,) = watched(a)
    f = A * np.tanh(S * a)
    assert close(S / A * (A - f) * (A + f), *gradients((A * torch.tanh(S * t)).sum(), t))


# The numbers on the page


@pytest.fixture(scope="module")
def outputs():
    """Map each code cell's id to the text that it printed."""
    book = nbformat.read(ROOT / "chapters" / "03_backpropagation.ipynb", 4)
    return {
        cell.id: "".join(output.text for output in cell.outputs if output.output_type == "stream")
        for cell in book.cells
        if cell.cell_type == "code"
    }


WORKED_EXAMPLE = {
    "example-forward": """
        0.4358, 0.2137, 0.3505  0.4785, 0.1890, 0.3325  0.4795, 0.1882, 0.3324  0.4797, 0.1880, 0.3323  1.1394  0.3374
    """,
    "example-gradients": """
        -0.0000, -0.0000, -0.7133  -0.5224, -0.0000, -0.0000  -0.0000, -1.3285, -0.0000  -0.0000, -0.0000, -0.7523
        0.1090,  0.0534, -0.1624  -0.1304,  0.0473,  0.0831  0.1199, -0.2030,  0.0831  0.1199,  0.0470, -0.1669
    """,
}


def numbers(text):
    return [word.strip("[](),") for word in text.split() if word.strip("[](),-").replace(".", "").isdigit()]


@pytest.mark.parametrize("cell", WORKED_EXAMPLE)
def test_the_lecture_example_prints_the_lecture_tensors(outputs, cell):
    text = outputs[cell].replace("tensor(", "")
    assert numbers(text) == numbers(WORKED_EXAMPLE[cell])


def test_the_worked_example_agrees_with_a_second_implementation(outputs):
    torch.manual_seed(0)
    shapes = [(7, 5), (7,), (4, 7), (4,), (3, 4), (3,)]
    W1, b1, W2, b2, W3, b3 = (torch.rand(*shape).double().numpy() for shape in shapes)
    X = np.array([[-8, 1, -3, 5, 2], [-2, 2, -1, 5, 2], [7, 1, 9, -5, -2], [3, 1, 9, 5, 2]])
    P = softmax(sigmoid(sigmoid(X @ W1.T + b1) @ W2.T + b2) @ W3.T + b3)
    true = P[range(4), [2, 0, 1, 2]]
    printed_numbers = numbers(outputs["example-forward"].replace("tensor(", ""))
    assert [f"{v:.4f}" for v in (*P.ravel(), -np.log(true).mean(), true.mean())] == printed_numbers


def test_the_scalar_example_is_forty_with_gradient_17_10_0(outputs):
    assert ", f = 40\n" in outputs["cos-steps"]
    assert "gradient [17.0, 10.0, 0.0]\nnnutils.autograd agrees: True" in outputs["cos-loop"]
    assert outputs["cos-autograd"].count("tensor([17., 10.,  0.])") == 2


def test_the_page_prints_the_counted_operations(outputs):
    once, both = flops((784, 512, 512, 10), 64)
    assert f"forward  {once / 1e6:6.1f} M,  backward {(both - once) / 1e6:6.1f} M" in outputs["flops"]
    assert f"{once / 1e6:.1f} {both / 1e6:.1f}" == "85.6 205.4"
    assert f"together  {both / 1e6:.1f} M" in outputs["flops"]
