"""The residual block and the auxiliary heads against hand-written expressions, and how far the gradient reaches."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnutils import train
from nnutils.blocks import AuxiliaryHeads, ResidualBlock, auxiliary_loss, mlp
from nnutils.normalization import BatchNorm1d, LayerNorm


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def body():
    return [nn.Linear(4, 8), nn.Tanh(), ResidualBlock(8, hidden=5, zero_init=False), nn.Linear(8, 6), nn.Tanh()]


@pytest.mark.parametrize("normalization", [None, LayerNorm, BatchNorm1d, nn.BatchNorm1d])
def test_a_block_starts_as_the_identity(normalization):
    net = nn.Sequential(*(ResidualBlock(6, hidden=9, normalization=normalization) for _ in range(3)))
    x = torch.randn(5, 6)
    for training in (True, False):
        assert torch.equal(net.train(training)(x), x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_block_computes_the_expression_written_by_hand(dtype):
    block = ResidualBlock(3, hidden=7, activation=nn.Tanh, normalization=LayerNorm, zero_init=False).to(dtype)
    x = torch.randn(5, 3, dtype=dtype)
    norm, first, _, last = block.branch
    inside = torch.tanh(F.layer_norm(x, (3,), norm.weight, norm.bias) @ first.weight.T + first.bias)
    assert first.weight.shape == (7, 3)
    torch.testing.assert_close(block(x), x + inside @ last.weight.T + last.bias)


def test_the_defaults_are_relu_and_the_width_inside():
    first, activation, last = ResidualBlock(3).branch
    assert isinstance(activation, nn.ReLU)
    assert first.weight.shape == last.weight.shape == (3, 3)


def test_nothing_after_the_addition_cuts_what_is_negative():
    x = torch.tensor([[-5.0, -1.0]])
    assert torch.equal(nn.Sequential(*(ResidualBlock(2) for _ in range(50)))(x), x)


def test_a_relu_after_the_addition_is_found(monkeypatch):
    """The planted fault: the residual block of a common mistake."""
    monkeypatch.setattr(ResidualBlock, "forward", lambda block, x: torch.relu(x + block.branch(x)))
    with pytest.raises(AssertionError):
        test_nothing_after_the_addition_cuts_what_is_negative()


def gradient_norm(net, x):
    """Length of the gradient of the sum of the outputs with respect to the input, for one sample."""
    x = x.clone().requires_grad_()
    return torch.autograd.grad(net(x).sum(), x)[0].norm().item()


def test_the_gradient_passes_50_blocks_where_that_of_the_plain_chain_vanishes():
    """The same branches with and without the sums; with zero_init the gradient starts as that of the identity."""
    x = torch.randn(1, 16)
    blocks = [ResidualBlock(16, zero_init=False) for _ in range(50)]
    plain = nn.Sequential(*(block.branch for block in blocks))
    assert gradient_norm(plain, x) < 1e-12
    assert gradient_norm(nn.Sequential(*blocks), x) > 1
    at_the_start = nn.Sequential(*(ResidualBlock(16) for _ in range(50)))
    assert gradient_norm(at_the_start, x) == pytest.approx(math.sqrt(16))


def test_a_block_that_starts_at_zero_learns():
    """The last layer gets a gradient at once, the first one from the second step on."""
    block, x, y = ResidualBlock(4), torch.randn(32, 4), torch.randn(32, 4)
    optimizer = torch.optim.SGD(block.parameters(), lr=0.1)
    first, _, last = block.branch
    norms = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = F.mse_loss(block(x), y)
        loss.backward()
        norms.append((first.weight.grad.norm().item(), last.weight.grad.norm().item(), loss.item()))
        optimizer.step()
    assert norms[0][0] == 0
    assert norms[0][1] > 0
    assert norms[1][0] > 0
    assert norms[-1][2] < 0.95 * norms[0][2]


@pytest.mark.parametrize("after", [[], [1], [0, 2, 3]])
def test_in_training_each_head_reads_its_depth_and_the_final_one_comes_last(after):
    net, x = AuxiliaryHeads(body(), 3, after=after), torch.randn(5, 4)
    found = net(x)
    assert len(found) == len(after) + 1
    for head, depth, logits in zip(net.heads, [*after, 4], found, strict=True):
        features = nn.Sequential(*net.body[: depth + 1])(x)
        torch.testing.assert_close(logits, features @ head.weight.T + head.bias)


def test_in_evaluation_there_are_the_final_logits_alone():
    net, x = AuxiliaryHeads(body(), 3, after=[1, 2]), torch.randn(5, 4)
    torch.testing.assert_close(net.eval()(x), net.train()(x)[-1])


def test_the_widths_of_the_heads_are_found_or_given():
    assert [head.in_features for head in AuxiliaryHeads(body(), 3, after=[1, 2]).heads] == [8, 8, 6]
    flat = [nn.Flatten(), nn.ReLU()]
    net = AuxiliaryHeads(flat, 3, after=[0], widths=[4, 4])
    assert [tuple(logits.shape) for logits in net(torch.zeros(5, 2, 2))] == [(5, 3), (5, 3)]


def test_one_output_is_enough():
    assert [tuple(logits.shape) for logits in AuxiliaryHeads(body(), 1, after=[1])(torch.zeros(5, 4))] == [
        (5, 1),
        (5, 1),
    ]


def test_evaluate_takes_a_net_with_auxiliary_heads():
    net, X, y = AuxiliaryHeads(body(), 3, after=[1]), torch.randn(30, 4), torch.arange(30) % 3
    loss, accuracy = train.evaluate(net, X, y, batch_size=7)
    assert net.training
    logits = net(X)[-1]
    assert loss == pytest.approx(F.cross_entropy(logits, y).item(), rel=1e-5)
    assert accuracy == pytest.approx((logits.argmax(1) == y).float().mean().item())


def test_fit_trains_all_heads_with_the_auxiliary_loss():
    net, X = AuxiliaryHeads(body(), 2, after=[1]), torch.randn(60, 4)
    y = (X[:, 0] > 0).long()
    start = [head.weight.detach().clone() for head in net.heads]
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    history = train.fit(
        net, (X, y), optimizer=optimizer, epochs=3, loss_fn=auxiliary_loss, validation=(X, y), progress=False
    )
    assert history.val_loss[-1] < history.val_loss[0]
    assert not any(torch.equal(head.weight, before) for head, before in zip(net.heads, start, strict=True))


def test_the_auxiliary_loss_is_the_final_one_plus_the_weighted_others():
    outputs, targets = [torch.randn(5, 3, dtype=torch.float64) for _ in range(3)], torch.tensor([0, 1, 2, 1, 0])
    one, two, final = (F.cross_entropy(logits, targets).item() for logits in outputs)
    assert auxiliary_loss(outputs, targets).item() == pytest.approx(final + 0.3 * (one + two))
    assert auxiliary_loss(outputs, targets, weight=0.0).item() == pytest.approx(final)
    assert auxiliary_loss(outputs[-1], targets).item() == pytest.approx(final)
    squares = auxiliary_loss(outputs, outputs[-1], weight=2.0, loss_fn=F.mse_loss)
    assert squares.item() == pytest.approx(2 * sum(F.mse_loss(z, outputs[-1]).item() for z in outputs[:-1]))


def test_an_auxiliary_head_reaches_an_early_layer_where_the_final_one_does_not():
    """Behind the first layer a chain that lets no gradient through: what arrives comes from the head."""
    blocked = [nn.Linear(4, 8), *(nn.Sequential(nn.Linear(8, 8), nn.Sigmoid()) for _ in range(40))]
    net, x, y = AuxiliaryHeads(blocked, 3, after=[0]), torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    norms = {}
    for weight in (0.0, 0.3):
        net.zero_grad()
        auxiliary_loss(net(x), y, weight=weight).backward()
        norms[weight] = net.body[0].weight.grad.norm().item()
    assert norms[0.0] < 1e-12
    assert norms[0.3] > 1e-2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ResidualBlock(0), "ResidualBlock: got width=0, expected a whole number, 1 or more"),
        (lambda: ResidualBlock(3, hidden=0), "ResidualBlock: got hidden=0"),
        (
            lambda: AuxiliaryHeads(body(), 3, after=[4]),
            r"AuxiliaryHeads: got after=\[4\] for a body of 5 modules, expected rising positions from 0, before the la",
        ),
        (
            lambda: ResidualBlock(3, activation=nn.ReLU()),
            r"got activation=ReLU\(\), expected what makes a module, such",
        ),
        (lambda: ResidualBlock(3, normalization=nn.Identity()), r"ResidualBlock: got normalization=Identity\(\)"),
        (lambda: mlp(3, 2, activation="relu"), "mlp: got activation='relu', expected what makes a module"),
        (lambda: mlp(3, 2, activation=None), "mlp: got activation=None"),
        (lambda: AuxiliaryHeads(body(), 3, after=1), "got after=1 for a body of 5 modules, expected rising positions"),
        (lambda: AuxiliaryHeads(body(), 3, after=[2, 1]), r"got after=\[2, 1\]"),
        (lambda: AuxiliaryHeads(body(), 3, after=[1, 1]), r"got after=\[1, 1\]"),
        (lambda: AuxiliaryHeads(body(), 3, after=[-1]), r"got after=\[-1\]"),
        (lambda: AuxiliaryHeads([], 3, after=[]), r"got after=\[\] for a body of 0 modules"),
        (lambda: AuxiliaryHeads(body(), 0, after=[]), "AuxiliaryHeads: got num_classes=0"),
        (lambda: AuxiliaryHeads(body(), 3, after=[1], widths=[8]), "got 1 widths for 2 heads, expected one for each"),
        (lambda: AuxiliaryHeads([nn.ReLU()], 3, after=[]), r"found no nn.Linear in front of a head, expected widths="),
        (lambda: auxiliary_loss([], torch.tensor([0])), "auxiliary_loss: got no outputs, expected a list"),
        (lambda: auxiliary_loss(torch.zeros(1, 2), torch.tensor([0]), weight=-0.3), "auxiliary_loss: got weight=-0.3"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(make, message):
    with pytest.raises(ValueError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


def test_an_mlp_computes_what_its_layers_written_out_compute():
    torch.manual_seed(0)
    net = mlp(5, 7, 4, 3, activation=nn.Tanh)
    torch.manual_seed(0)
    first, second, third = nn.Linear(5, 7), nn.Linear(7, 4), nn.Linear(4, 3)
    X = torch.randn(6, 5)
    torch.testing.assert_close(net(X), third(torch.tanh(second(torch.tanh(first(X))))), rtol=0, atol=0)
    assert len({id(module) for module in net}) == 5


def test_an_mlp_without_hidden_layers_is_one_linear_layer():
    assert [type(module) for module in mlp(5, 3)] == [nn.Linear]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [((5,), r"mlp: got sizes \(5,\), expected inputs, hidden"), ((5, 0, 3), "mlp: got size=0"), ((), "mlp: got sizes")],
)
def test_an_mlp_refuses_sizes_that_make_none(sizes, message):
    with pytest.raises(ValueError, match=message):
        mlp(*sizes)
