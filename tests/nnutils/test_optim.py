"""The update rules against torch.optim over 50 steps, and what they refuse."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nnutils import optim, schedules

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adagrad", {"lr": 0.1}),
    ("Adagrad", {"lr": 0.1, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9}),
    ("RMSprop", {}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-3, "weight_decay": 0.1}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.01, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.5}),
]


def walk(kind, shapes, dtype, steps=50, module=optim, schedule=None, **hyper):
    """Parameters after each of ``steps`` steps under fixed gradients, flattened."""
    generator = torch.Generator().manual_seed(0)
    params = [
        torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype).requires_grad_() for shape in shapes
    ]
    optimizer = getattr(module, kind)(params, **hyper)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule) if schedule else None
    path = []
    for _ in range(steps):
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator, dtype=torch.float64).to(dtype)
        optimizer.step()
        if scheduler:
            scheduler.step()
        path.append(torch.cat([p.detach().flatten().clone() for p in params]))
    return torch.stack(path)


@pytest.mark.parametrize(("kind", "hyper"), CASES)
@pytest.mark.parametrize(("dtype", "rtol", "atol"), [(torch.float64, 1e-9, 1e-12), (torch.float32, 1e-4, 1e-6)])
def test_equals_torch_over_50_steps(kind, hyper, dtype, rtol, atol):
    ours = walk(kind, [(3, 4), (5,), ()], dtype, **hyper)
    torch.testing.assert_close(
        ours, walk(kind, [(3, 4), (5,), ()], dtype, module=torch.optim, **hyper), rtol=rtol, atol=atol
    )


@given(shape=st.lists(st.integers(1, 4), max_size=3), case=st.sampled_from(CASES))
@settings(max_examples=40, deadline=None)
def test_equals_torch_for_any_shape(shape, case):
    kind, hyper = case
    ours = walk(kind, [tuple(shape)], torch.float64, steps=3, **hyper)
    torch.testing.assert_close(ours, walk(kind, [tuple(shape)], torch.float64, steps=3, module=torch.optim, **hyper))


def test_a_pytorch_scheduler_drives_the_rate():
    def halve(t):
        return schedules.step_decay(t, 1.0, 0.5, 10)

    ours = walk("Adam", [(4,)], torch.float64, schedule=halve)
    torch.testing.assert_close(ours, walk("Adam", [(4,)], torch.float64, module=torch.optim, schedule=halve))


@pytest.mark.parametrize("name", sorted(optim.RULES))
def test_a_rule_changes_neither_gradient_nor_state(name):
    rule = optim.RULES[name]
    grad = torch.randn(5, dtype=torch.float64)
    _, state = rule(grad, {}, lr=0.1)
    before = {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in state.items()}
    kept = grad.clone()
    rule(grad, state, lr=0.1)
    assert torch.equal(grad, kept)
    assert all(torch.equal(torch.as_tensor(state[key]), torch.as_tensor(value)) for key, value in before.items())


def test_parameters_without_gradient_are_left_alone():
    with_grad, without = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    with_grad.grad = torch.ones(2)
    optim.AdamW([with_grad, without], lr=0.1).step()
    assert not torch.equal(with_grad, torch.ones(2))
    assert torch.equal(without, torch.ones(2))


def test_parameter_groups_have_their_own_decay():
    a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    a.grad, b.grad = torch.zeros(1), torch.zeros(1)
    optim.AdamW([{"params": [a], "weight_decay": 0.5}, {"params": [b], "weight_decay": 0.0}], lr=0.1).step()
    assert a.item() == pytest.approx(0.95)
    assert b.item() == 1.0


def test_step_evaluates_a_closure_with_gradients():
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5)

    def closure():
        optimizer.zero_grad()
        loss = (w**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 1.0
    assert w.item() == 0.0


def test_minimize_takes_the_given_gradient():
    path = optim.minimize("sgd", lambda w: (w**2).sum(), [1.0], steps=3, lr=1.0, grad=torch.ones_like)
    assert path.flatten().tolist() == [1.0, 0.0, -1.0, -2.0]


def test_state_survives_a_checkpoint():
    def run(restart):
        w = torch.ones(3, dtype=torch.float64, requires_grad=True)
        optimizer = optim.Adam([w], lr=0.1)
        for step in range(10):
            if restart and step == 5:
                saved = optimizer.state_dict()
                optimizer = optim.Adam([w], lr=0.1)
                optimizer.load_state_dict(saved)
            w.grad = w.detach() ** 3
            optimizer.step()
        return w.detach()

    torch.testing.assert_close(run(True), run(False))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda w: optim.SGD(w, lr=-1.0), "got lr=-1.0, expected a finite number, 0 or more"),
        (lambda w: optim.SGD(w, lr=float("nan")), "got lr=nan"),
        (lambda w: optim.SGD(w, lr=0.1, momentum=1.0), "expected 0 <= momentum < 1"),
        (lambda w: optim.SGD(w, lr=0.1, nesterov=True), "expected a momentum above 0"),
        (lambda w: optim.Adam(w, betas=(0.9, 1.0)), r"got betas\[1\]=1.0"),
        (lambda w: optim.Adam(w, weight_decay=-0.1), "got weight_decay=-0.1"),
        (
            lambda w: optim.minimize("adamm", torch.sum, [1.0], steps=1),
            "'adamm', expected one of .*did you mean 'adam'",
        ),
        (lambda w: optim.minimize("adam", torch.sum, [1.0], steps=-1), "got steps=-1"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(make, message):
    with pytest.raises(ValueError, match=message) as error:
        make([torch.ones(1, requires_grad=True)])
    assert "\n" not in str(error.value)
