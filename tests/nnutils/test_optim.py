"""The update rules against torch.optim over 50 steps, in every way of running them, and what they refuse."""

import inspect
from functools import partial

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


def run(rule, grads, state, update=None, **hyper):
    """Sum of the changes under the given gradients, (K, steps, ...) or (steps, ...), and the last state."""
    total = torch.zeros_like(grads[0])
    for grad in grads:
        delta, state = (update or rule)(grad, state, **hyper)
        total = total + delta
    return total, state


@pytest.mark.parametrize("name", sorted(optim.RULES))
@pytest.mark.parametrize("shape", [(2, 3), ()])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_run_from_tensors_equals_a_run_from_nothing(name, shape, dtype):
    rule = optim.RULES[name]
    grads = torch.randn(50, *shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)
    plain, _ = run(rule, grads, {}, lr=0.01)
    start = optim.initial_state(rule, grads[0])
    assert all(not value.any() for value in start.values())
    ours, state = run(rule, grads, start, lr=0.01)
    torch.testing.assert_close(ours.to(dtype), plain, rtol=1e-5 if dtype == torch.float32 else 1e-12, atol=0)
    assert {key: value.dtype for key, value in state.items()} == {key: value.dtype for key, value in start.items()}
    if "step" in state:
        assert state["step"].item() == 50


@pytest.mark.parametrize("name", sorted(optim.RULES))
def test_stacked_models_with_rates_of_their_own_equal_one_after_another(name):
    rule, lrs = optim.RULES[name], torch.tensor([0.1, 0.01, 0.003], dtype=torch.float64)
    grads = torch.randn(20, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    starts = [optim.initial_state(rule, grads[0, 0]) for _ in lrs]
    stacked = {key: torch.stack([start[key] for start in starts]) for key in starts[0]}
    update = torch.func.vmap(lambda grad, state, lr: rule(grad, state, lr=lr))
    together, _ = run(rule, grads, stacked, update=lambda grad, state: update(grad, state, lrs))
    alone = [run(rule, grads[:, k], {}, lr=lr.item())[0] for k, lr in enumerate(lrs)]
    torch.testing.assert_close(together, torch.stack(alone))


@pytest.mark.parametrize("name", sorted(optim.RULES))
def test_a_rule_is_one_graph_for_the_compiler(name):
    """Without a return to Python, compiled once for all steps."""
    torch._dynamo.reset()
    rule = optim.RULES[name]
    grads = torch.randn(10, 4, generator=torch.Generator().manual_seed(0))
    compiled = torch.compile(rule, fullgraph=True, backend="aot_eager")
    with torch._dynamo.config.patch(error_on_recompile=True):
        ours, _ = run(rule, grads, optim.initial_state(rule, grads[0]), update=compiled, lr=0.01)
    torch.testing.assert_close(ours, run(rule, grads, {}, lr=0.01)[0])


def test_a_count_that_is_a_number_would_be_compiled_again():
    """The planted fault: the state of an eager run."""
    torch._dynamo.reset()
    compiled = torch.compile(optim.adam, fullgraph=True, backend="eager")
    with torch._dynamo.config.patch(error_on_recompile=True), pytest.raises(torch._dynamo.exc.RecompileError):
        run(optim.adam, torch.ones(3, 4), {}, update=compiled, lr=0.01)


def test_adam_equals_itself_in_machine_code():
    torch._dynamo.reset()
    grads = torch.randn(50, 100, generator=torch.Generator().manual_seed(0))
    compiled = torch.compile(optim.adam, fullgraph=True)
    ours, _ = run(optim.adam, grads, optim.initial_state(optim.adam, grads[0]), update=compiled, lr=0.01)
    torch.testing.assert_close(ours, run(optim.adam, grads, {}, lr=0.01)[0], rtol=1e-5, atol=1e-7)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", sorted(optim.RULES))
def test_a_captured_step_equals_an_eager_one(name):
    rule, grads = optim.RULES[name], torch.randn(20, 5, device="cuda", generator=torch.Generator("cuda").manual_seed(0))
    grad, total = grads[0].clone(), torch.zeros(5, device="cuda")
    state = optim.initial_state(rule, grad)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        delta, new = rule(grad, state, lr=0.01)
        total.add_(delta)
        for key, value in new.items():
            state[key].copy_(value)
    for one in grads:
        grad.copy_(one)
        graph.replay()
    torch.testing.assert_close(total, run(rule, grads, {}, lr=0.01)[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda o: torch.optim.lr_scheduler.StepLR(o, 3, 0.5),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 20),
        lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=25),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 5),
    ],
)
def test_schedulers_of_pytorch_drive_our_optimizers_as_its_own(make):
    def rates_and_weights(module):
        w = torch.ones(3, dtype=torch.float64, requires_grad=True)
        optimizer = module.SGD([w], lr=0.1, momentum=0.9)
        scheduler = make(optimizer)
        for _ in range(20):
            optimizer.zero_grad()
            (w**2).sum().backward()
            optimizer.step()
            scheduler.step()
        return scheduler.get_last_lr(), optimizer.param_groups[0]["momentum"], w.detach()

    ours, theirs = rates_and_weights(optim), rates_and_weights(torch.optim)
    assert ours[:2] == theirs[:2]
    torch.testing.assert_close(ours[2], theirs[2])


def test_no_gradient_is_recorded_while_stepping():
    w = torch.ones(2, requires_grad=True)
    optimizer = optim.Adam([w], lr=0.1)
    (w**2).sum().backward()
    assert optimizer.step() is None
    assert w.is_leaf
    assert not any(v.requires_grad for v in optimizer.state[w].values() if isinstance(v, torch.Tensor))


def test_decoupled_decay_does_not_pass_through_the_moments():
    w = torch.full((1,), 2.0, requires_grad=True)
    w.grad = torch.zeros(1)
    optim.AdamW([w], lr=0.5, weight_decay=0.5).step()
    assert w.item() == pytest.approx(2.0 * (1 - 0.25))


def test_minimize_takes_autograd_s_gradient_by_default():
    path = optim.minimize("momentum", lambda w: (w**2).sum() / 2, [1.0, -2.0], steps=2, lr=0.5, momentum=0.5)
    assert path.dtype == torch.float64
    assert path.tolist() == [[1.0, -2.0], [0.5, -1.0], [0.0, 0.0]]


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
        (
            lambda w: optim.minimize("sgd", torch.sum, [1.0], steps=1, lr=-0.1),
            "minimize: got lr=-0.1, expected a finite",
        ),
        (
            lambda w: optim.minimize("momentum", torch.sum, [1.0], steps=0, lr=0.1, momentum=1),
            "minimize: got momentum=1",
        ),
        (
            lambda w: optim.minimize("adam", torch.sum, [1.0], steps=1, betas=0.9),
            "minimize: got betas=0.9, expected two",
        ),
        (lambda w: optim.minimize("adam", torch.sum, [1.0], steps=1, betas=(0.9, 1)), r"minimize: got betas\[1\]=1"),
        (
            lambda w: optim.minimize("sgd", torch.sum, [1.0, 2.0], steps=1, lr=0.1, grad=torch.sum),
            r"minimize: expected grad of shape \(D,\), got \(\)",
        ),
        (
            lambda w: optim.minimize("sgd", torch.sum, [1.0, 2.0], steps=1, lr=0.1, grad=lambda w: w[:1]),
            r"minimize: got start of shape \(2,\) and grad of shape \(1,\), expected one shape",
        ),
        (lambda w: optim.Adam([]), "optimizer: got no parameters, expected at least one; a generator can be read only"),
        (lambda w: optim.Adam(iter(())), "optimizer: got no parameters"),
        (lambda w: optim.SGD(w, lr=None), "optimizer: got lr=None, expected a finite number"),
        (
            lambda w: optim.SGD([{"params": w, "momentum": 0.9}], lr=0.1),
            "of a group: got 'momentum', expected one of lr",
        ),
        (lambda w: optim.Adam([{"params": w, "beta": 0.9}]), "of a group: got 'beta', expected .*did you mean 'betas'"),
        (lambda w: optim.RMSprop(w, alpha=-0.1), "got alpha=-0.1, expected 0 <= alpha < 1"),
        (lambda w: optim.Adagrad(w, eps=float("inf")), "got eps=inf"),
        (lambda w: optim.Adam(w, betas=0.9), r"got betas=0.9, expected two numbers, such as \(0.9, 0.999\)"),
        (lambda w: optim.Adam(w, betas=(0.9,)), "expected two numbers"),
        (lambda w: optim.Optimizer(w, optim.adam, lr=0.1, beta=0.9), "hyperparameter: got 'beta'.*mean 'betas'"),
        (lambda w: optim.Optimizer(w, optim.sgd, lr=0.1, grad=0.9), "hyperparameter: got 'grad', expected one of lr"),
        (lambda w: optim.Adam([{"params": w, "lr": -1.0}]), "got lr=-1.0"),
        (lambda w: optim.Adam([{"params": w, "weight_decay": -1.0}]), "got weight_decay=-1.0"),
        (lambda w: optim.Adam([{"params": w, "betas": (2.0, 0.9)}]), r"got betas\[0\]=2.0"),
    ],
)
def test_bad_input_is_refused_with_one_sentence(make, message):
    with pytest.raises(ValueError, match=message) as error:
        make([torch.ones(1, requires_grad=True)])
    assert "\n" not in str(error.value)


def test_a_model_in_place_of_its_parameters_is_named():
    with pytest.raises(TypeError, match=r"optimizer: got the model Linear, expected model.parameters\(\)"):
        optim.Adam(torch.nn.Linear(2, 2))


@pytest.mark.parametrize("params", [torch.ones(2), None, torch.nn.Linear])
def test_what_is_no_list_of_tensors_is_named(params):
    with pytest.raises(TypeError, match=r"optimizer: got (Tensor|NoneType|type), expected a list of tensors"):
        optim.Adam(params)


def test_a_group_may_be_empty_have_names_and_go_on_after_a_scheduler():
    w = torch.ones(1, requires_grad=True)
    optimizer = optim.SGD([{"params": [w], "initial_lr": 0.2}], lr=0.1, momentum=0.9)
    assert torch.optim.lr_scheduler.StepLR(optimizer, 4, 0.5, last_epoch=3).get_last_lr() == [0.05]
    optimizer.add_param_group({"params": [], "momentum": 0.5})
    assert [group["momentum"] for group in optimizer.param_groups] == [0.9, 0.5]
    assert optim.SGD([("w", w)], lr=0.1).param_groups[0]["param_names"] == ["w"]


def defaults(function, *left_out):
    """Hyperparameters with their defaults."""
    parameters = inspect.signature(function).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not one.empty and one.name not in left_out}


@pytest.mark.parametrize(
    ("rule", "of_torch"),
    [("adagrad", "Adagrad"), ("rmsprop", "RMSprop"), ("adam", "Adam"), ("adamax", "Adamax")],
)
def test_defaults_are_those_of_torch(rule, of_torch):
    theirs = defaults(getattr(torch.optim, of_torch))
    for ours in (defaults(optim.RULES[rule]), defaults(getattr(optim, of_torch))):
        assert set(ours) <= set(theirs)
        assert ours == {name: theirs[name] for name in ours}


def test_momentum_is_nine_tenths_by_default_in_the_rules_and_off_in_sgd():
    assert defaults(optim.momentum) == defaults(optim.nesterov) == {"momentum": 0.9}
    assert defaults(optim.SGD) == {"momentum": 0.0, "nesterov": False, "weight_decay": 0.0}


@pytest.mark.parametrize("function", [*optim.RULES.values(), optim.minimize, optim.Optimizer.__init__])
def test_settings_are_given_by_name(function):
    parameters = inspect.signature(function).parameters
    assert parameters["steps" if function is optim.minimize else "lr"].kind is inspect.Parameter.KEYWORD_ONLY


def test_a_parameter_without_gradient_does_not_hide_the_ones_behind_it():
    without, with_grad = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    with_grad.grad = torch.ones(2)
    optim.SGD([without, with_grad], lr=0.5).step()
    assert with_grad.tolist() == [0.5, 0.5]


def test_a_rule_decays_nothing_unasked():
    w = torch.ones(2, requires_grad=True)
    w.grad = torch.zeros(2)
    optim.Optimizer([w], optim.sgd, lr=0.5).step()
    assert w.tolist() == [1.0, 1.0]


def test_no_step_gives_the_start_alone():
    assert optim.minimize("adam", torch.sum, [3.0], steps=0).tolist() == [[3.0]]


def test_sgd_without_momentum_keeps_no_velocity():
    assert optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1).rule is optim.sgd


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda w: optim.SGD(w, lr=0.1, momentum=-0.5), "got momentum=-0.5"),
        (lambda w: optim.SGD(w, lr=0.1, momentum=-0.5, nesterov=True), "got momentum=-0.5"),
        (lambda w: optim.Adam(w, betas=(0.9, 0.99, 0.999)), "expected two numbers"),
        (lambda w: optim.Adam([{"params": w}, {"params": [w[0].clone().detach()], "lr": -1.0}]), "got lr=-1.0"),
    ],
)
def test_what_lies_beyond_the_first_case_is_refused_too(make, message):
    with pytest.raises(ValueError, match=message):
        make([torch.ones(1, requires_grad=True)])


@pytest.mark.parametrize(
    ("saved", "loading", "message"),
    [
        (
            torch.optim.Adam,
            optim.Adam,
            "a state of exp_avg, exp_avg_sq, step, expected one of mean, square, step;",
        ),
        (partial(optim.SGD, momentum=0.9), optim.Adam, "a state of buffer, expected one of mean, square, step"),
        (optim.SGD, optim.Adam, "a state of nothing, expected one of mean, square, step"),
        (optim.Adagrad, optim.SGD, "a state of sum, expected one of nothing"),
    ],
)
def test_the_state_of_another_rule_is_refused_and_not_forgotten_in_silence(saved, loading, message):
    w = torch.ones(2, requires_grad=True)
    old, new = saved([w], lr=0.1), loading([w], lr=0.1)
    w.grad = torch.ones(2)
    old.step()
    with pytest.raises(ValueError, match=message):
        new.load_state_dict(old.state_dict())
    assert not new.state
