"""One training step, run eagerly, on one vector, compiled, captured: the same weights as PyTorch's plain loop."""

import copy
import os
import signal
import subprocess
import sys
import threading
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from nnutils import flat, optim, steps

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def net(*, dropout=0.0, norm=False):
    torch.manual_seed(0)
    # without a bias before the normalization: its gradient is rounding and nothing else, which Adam makes large
    first = [nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8)] if norm else [nn.Linear(4, 8)]
    return nn.Sequential(*first, nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))


def batches(number=6, size=16, *, dtype=torch.float32, device="cpu"):
    generator = torch.Generator().manual_seed(1)
    return [
        (
            torch.randn(size, 4, generator=generator).to(device, dtype),
            torch.randint(0, 3, (size,), generator=generator).to(device),
        )
        for _ in range(number)
    ]


def plain(model, optimizer, given, loss_fn=F.cross_entropy):
    losses = []
    for inputs, targets in given:
        optimizer.zero_grad()
        loss = loss_fn(model(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return losses


def run(step, given):
    with step:
        return [step(inputs, targets) for inputs, targets in given]


def assert_same_state(ours, theirs, **tolerance):
    """Compare what two optimizers remember, parameter by parameter, in PyTorch's own portable form."""
    a, b = ours.state_dict()["state"], theirs.state_dict()["state"]
    assert a.keys() == b.keys()
    for i in a:
        assert a[i].keys() == b[i].keys()
        for key, value in a[i].items():
            torch.testing.assert_close(value, b[i][key], **tolerance)


@pytest.mark.parametrize("make", flat.ELEMENTWISE, ids=lambda make: make.__name__)
def test_every_elementwise_optimizer_takes_the_same_steps_on_one_vector(make):
    ours, theirs = net().double(), net().double()
    a, b = make(ours.parameters(), lr=0.01), make(theirs.parameters(), lr=0.01)
    given = batches(dtype=torch.float64)
    for _ in range(2):  # the second epoch begins with the state that the first has left
        step = steps.Eager(ours, a)
        losses = run(step, given)
        torch.testing.assert_close(losses, plain(theirs, b, given), rtol=1e-12, atol=0)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-10, atol=1e-14)
    assert_same_state(a, b, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "RMSprop", "Adam", "Adamax", "AdamW"])
@pytest.mark.parametrize("kind", ["eager", "pure"])
def test_our_own_optimizers_take_the_same_steps_both_ways(name, kind):
    ours, theirs = net().double(), net().double()
    a = getattr(optim, name)(ours.parameters(), lr=0.01, weight_decay=0.1)
    b = getattr(torch.optim, name)(theirs.parameters(), lr=0.01, weight_decay=0.1)
    given = batches(dtype=torch.float64)
    step = {"eager": steps.Eager, "pure": steps.Pure}[kind](ours, a)
    for _ in range(2):
        torch.testing.assert_close(run(step, given), plain(theirs, b, given), rtol=1e-10, atol=0)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-9, atol=1e-13)


def test_on_one_vector_the_optimizer_sees_two_tensors_and_afterwards_its_own():
    model = net()
    optimizer = torch.optim.Adam(model.parameters())
    before = list(optimizer.param_groups[0]["params"])
    addresses = {p.untyped_storage().data_ptr() for p in before}
    given = batches()
    with steps.Eager(model, optimizer) as step:
        step(*given[0])
        assert len(optimizer.param_groups[0]["params"]) == 1
        assert len({p.untyped_storage().data_ptr() for p in model.parameters()}) == 1
        assert len({p.grad.untyped_storage().data_ptr() for p in model.parameters()}) == 1
        step(*given[1])
    after = optimizer.param_groups[0]["params"]
    assert [id(p) for p in after] == [id(p) for p in before]
    assert set(optimizer.state) == set(before)
    assert len({p.untyped_storage().data_ptr() for p in after}) == len(addresses) == len(before)
    assert all(p.grad.shape == p.shape for p in after)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_in_the_block_leaves_model_and_optimizer_whole(error):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    given = batches(3)

    def batches_that_end():
        yield from given[:2]
        raise error

    with pytest.raises(error):
        run(steps.Eager(model, optimizer), batches_that_end())
    reference = net()
    plain(reference, torch.optim.SGD(reference.parameters(), lr=0.1, momentum=0.9), given[:2])
    torch.testing.assert_close(model.state_dict(), reference.state_dict())
    plain(model, optimizer, given[2:])


class Unused(nn.Module):
    """One layer takes no part, one is shared by two names, one is frozen."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.used, self.idle, self.frozen = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4).requires_grad_(False)
        self.last, self.also = nn.Linear(4, 3), self.used

    def forward(self, X):
        return self.last(self.frozen(self.also(self.used(X))))


@pytest.mark.parametrize("kind", ["eager", "pure"])
def test_parameters_without_gradient_stay_as_they_are_also_under_weight_decay(kind):
    ours, theirs = Unused(), Unused()
    given = batches()
    b = torch.optim.AdamW(theirs.parameters(), weight_decay=0.5)
    plain(theirs, b, given)
    if kind == "eager":
        run(steps.Eager(ours, torch.optim.AdamW(ours.parameters(), weight_decay=0.5)), given)
    else:
        run(steps.Pure(ours, optim.AdamW(ours.parameters(), weight_decay=0.5)), given)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())
    assert torch.equal(ours.idle.weight, Unused().idle.weight)


def test_groups_keep_their_own_rates_and_a_layer_thawed_later_counts_its_own_steps():
    def make(model):
        return torch.optim.Adam(
            [{"params": model[0].parameters(), "lr": 0.1}, {"params": [*model[3].parameters(), *model[5].parameters()]}]
        )

    given = batches()
    results = []
    for kind in ("ours", "theirs"):
        model = net()
        optimizer = make(model)
        model[3].requires_grad_(False)
        for thaw in (False, True):
            model[3].requires_grad_(thaw)
            if kind == "ours":
                run(steps.Eager(model, optimizer), given)
            else:
                plain(model, optimizer, given)
        results.append((model.state_dict(), {k: v["step"] for k, v in optimizer.state_dict()["state"].items()}))
    torch.testing.assert_close(results[0][0], results[1][0])
    assert results[0][1] == results[1][1]
    assert len({float(count) for count in results[0][1].values()}) == 2


def clip_each(model, optimizer):
    """Clip each tensor's gradient by itself, before the update: what one long vector would not allow."""

    def clip(*_):
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.grad *= 0.01 / p.grad.norm()

    return optimizer.register_step_pre_hook(clip)


def replace_each(model, optimizer):
    """Put another tensor in the place of each gradient as soon as it is there."""

    def replace(p):
        p.grad = p.grad.sign()

    handles = [p.register_post_accumulate_grad_hook(replace) for p in model.parameters()]
    return handles[0]


@pytest.mark.parametrize("listen", [clip_each, replace_each])
def test_hooks_see_the_tensors_themselves_and_are_refused_where_they_would_be_left_out(listen):
    results = []
    for take in (lambda model, optimizer: run(steps.Eager(model, optimizer), batches()), plain):
        model = net()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        listen(model, optimizer)
        take(model, optimizer, *([batches()] if take is plain else []))
        results.append(model.state_dict())
    torch.testing.assert_close(*results, rtol=0, atol=0)
    with pytest.raises(ValueError, match="got an optimizer or parameters with hooks, which compile and capture leave"):
        steps.Pure(model, optimizer)


def test_a_hook_for_all_optimizers_hears_of_every_step():
    model, heard = net(), []
    handle = register_optimizer_step_post_hook(lambda *_: heard.append(1))
    try:
        run(steps.Eager(model, torch.optim.SGD(model.parameters(), lr=0.1)), batches(5))
    finally:
        handle.remove()
    assert len(heard) == 5


def test_ctrl_c_waits_until_the_vectors_are_made_or_undone(monkeypatch):
    given = batches(4)
    reference = net()
    plain(reference, torch.optim.Adam(reference.parameters()), given[:1])
    for place in ("__init__", "part"):
        model = net()
        optimizer = torch.optim.Adam(model.parameters())
        original = getattr(flat.Flat, place)

        def interrupted(*args, original=original):
            signal.raise_signal(signal.SIGINT)
            return original(*args)

        monkeypatch.setattr(flat.Flat, place, interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(steps.Eager(model, optimizer), given[:1])
        monkeypatch.setattr(flat.Flat, place, original)
        assert [id(p) for p in optimizer.param_groups[0]["params"]] == [id(p) for p in model.parameters()]
        assert set(optimizer.state) == set(model.parameters())
        torch.testing.assert_close(model.state_dict(), reference.state_dict(), rtol=0, atol=0)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_run_in_another_thread_which_nobody_can_interrupt():
    model, reference = net(), net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    thread = threading.Thread(target=run, args=(steps.Eager(model, optimizer), batches()))
    thread.start()
    thread.join()
    plain(reference, torch.optim.SGD(reference.parameters(), lr=0.1), batches())
    torch.testing.assert_close(model.state_dict(), reference.state_dict())


@pytest.mark.parametrize("odd", ["transposed", "wide", "sparse"])
def test_parameters_that_cannot_lie_in_one_vector_stay_as_they_are(odd):
    params = [nn.Parameter(torch.ones(3, 2)), nn.Parameter(torch.ones(3, 2))]
    if odd == "transposed":
        params[1] = nn.Parameter(torch.ones(2, 3).T)
    if odd == "wide":
        params[1] = nn.Parameter(torch.ones(3, 2, dtype=torch.float64))
    for p in params:
        p.grad = torch.ones_like(p)
    if odd == "sparse":
        params[1].grad = params[1].grad.to_sparse()
    optimizer = torch.optim.SGD(params, lr=0.1)
    assert flat.flatten(optimizer) == []
    optimizer.step()
    assert all((p == 0.9).all() or odd == "wide" for p in params)


def test_a_large_tensor_stays_by_itself_beside_the_vector_of_the_others():
    torch.manual_seed(0)
    ours, theirs = (nn.Sequential(nn.Linear(4, 20_000), nn.ReLU(), nn.Linear(20_000, 3)) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    a, b = torch.optim.RMSprop(ours.parameters()), torch.optim.RMSprop(theirs.parameters())
    given = batches(4)
    with steps.Eager(ours, a) as step:
        for inputs, targets in given:
            step(inputs, targets)
        assert [p.numel() for p in a.param_groups[0]["params"]] == [80_003, 80_000]
    plain(theirs, b, given)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-4, atol=1e-5)
    assert_same_state(a, b, rtol=1e-4, atol=1e-5)


def test_when_memory_runs_out_for_a_group_the_others_are_as_before(monkeypatch):
    model = net()
    optimizer = torch.optim.Adam([{"params": model[0].parameters()}, {"params": model[3].parameters()}])
    plain(model, optimizer, batches(1))
    before = optimizer.state_dict()
    original, made = flat.Flat.__init__, []

    def scarce(self, *args):
        if made:
            raise RuntimeError("out of memory")
        made.append(self)
        original(self, *args)

    monkeypatch.setattr(flat.Flat, "__init__", scarce)
    with pytest.raises(RuntimeError, match="out of memory"):
        flat.flatten(optimizer)
    torch.testing.assert_close(optimizer.state_dict(), before, rtol=0, atol=0)
    assert [len(group["params"]) for group in optimizer.param_groups] == [2, 2]


def test_a_group_that_is_frozen_throughout_is_no_matter():
    models = [net(), net()]
    groups = []
    for model in models:
        model[0].requires_grad_(False)
        groups.append([{"params": model[0].parameters()}, {"params": model[3].parameters()}])
    run(steps.Pure(models[0], optim.SGD(groups[0], lr=0.1)), batches())
    plain(models[1], torch.optim.SGD(groups[1], lr=0.1), batches())
    torch.testing.assert_close(models[0].state_dict(), models[1].state_dict())


def test_a_rate_that_is_a_tensor_changed_in_place_is_seen():
    model, reference = net(), net()
    a = optim.SGD(model.parameters(), lr=torch.tensor(0.1))
    b = torch.optim.SGD(reference.parameters(), lr=0.1)
    step = steps.Pure(model, a)
    for rate in (0.1, 0.01):
        a.param_groups[0]["lr"].fill_(rate)
        b.param_groups[0]["lr"] = rate
        run(step, batches())
        plain(reference, b, batches())
    torch.testing.assert_close(model.state_dict(), reference.state_dict())


def test_a_batch_of_another_shape_runs_as_it_is():
    model = nn.Sequential(nn.Linear(4, 3), nn.Flatten(0, 1))
    step = steps.Pure(model, optim.SGD(model.parameters(), lr=0.1))
    step.fast = None  # what is compiled or captured, which must not be asked
    step.size = (torch.Size((2, 5, 4)), torch.Size((10,)))
    with step:
        step(torch.ones(2, 1, 4), torch.zeros(2, dtype=torch.long))


def test_an_optimizer_that_is_not_elementwise_sees_the_tensors_themselves():
    class Normed(torch.optim.SGD):
        def step(self, closure=None):
            for p in self.param_groups[0]["params"]:
                p.grad /= p.grad.norm()
            return super().step(closure)

    ours, theirs = net(), net()
    run(steps.Eager(ours, Normed(ours.parameters(), lr=0.1)), batches())
    plain(theirs, Normed(theirs.parameters(), lr=0.1), batches())
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=0, atol=0)


def test_the_compiled_step_takes_the_same_steps_under_a_schedule_and_with_a_shorter_last_batch():
    given = [*batches(6, 16), *batches(1, 5)]
    ours, theirs = net(norm=True), net(norm=True)
    a, b = optim.Adam(ours.parameters()), torch.optim.Adam(theirs.parameters())
    step = steps.Pure(ours, a, compile=True)
    for rate in (0.01, 0.003, 0.001):
        a.param_groups[0]["lr"] = b.param_groups[0]["lr"] = rate
        torch.testing.assert_close(run(step, given), plain(theirs, b, given), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-3, atol=1e-4)


def test_a_schedule_and_a_short_batch_compile_nothing_anew():
    from torch._dynamo.utils import counters

    model = net()
    optimizer = optim.RMSprop(model.parameters())
    step = steps.Pure(model, optimizer, compile=True)
    given = [*batches(2, 16), *batches(1, 5)]
    counters.clear()
    for rate in (0.01, 0.003, 0.001):
        optimizer.param_groups[0]["lr"] = rate
        run(step, given)
    assert counters["stats"]["unique_graphs"] == 1
    assert not counters["graph_break"]


def test_state_survives_a_change_from_eager_to_pure_and_through_a_state_dict():
    given = batches(dtype=torch.float64)
    one, other = net().double(), net().double()
    a = optim.Adam(one.parameters(), lr=0.01)
    run(steps.Eager(one, a), given)
    b = optim.Adam(other.parameters(), lr=0.01)
    other.load_state_dict(one.state_dict())
    b.load_state_dict(copy.deepcopy(a.state_dict()))
    run(steps.Pure(other, b), given)
    run(steps.Eager(one, a), given)
    torch.testing.assert_close(one.state_dict(), other.state_dict(), rtol=1e-10, atol=1e-14)


def test_pytorchs_schedulers_are_content_with_a_step_that_never_calls_theirs():
    model = net()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(steps.Pure(model, optimizer), batches(2))
        scheduler.step()


@pytest.mark.parametrize("kind", ["eager", "pure"])
def test_in_bfloat16_the_products_are_rounded_and_the_weights_are_not(kind):
    seen = []
    model = net()
    model[0].register_forward_hook(lambda *args: seen.append(args[2].dtype))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    step = {"eager": steps.Eager, "pure": steps.Pure}[kind](model, optimizer, autocast=torch.bfloat16)
    losses = run(step, batches(2))
    assert seen == [torch.bfloat16] * 2
    assert all(p.dtype == torch.float32 for p in model.parameters())
    exact = net()
    reference = plain(exact, optim.SGD(exact.parameters(), lr=0.1), batches(2))
    torch.testing.assert_close(losses, reference, rtol=0.02, atol=0)
    assert losses[0] != reference[0]


def test_what_cannot_be_compiled_or_captured_is_refused_with_one_sentence():
    model = net()
    with pytest.raises(
        ValueError, match=r"got torch.optim.\w+.RMSprop with compile or capture, expected an optimizer of nn"
    ):
        steps.Pure(model, torch.optim.RMSprop(model.parameters()), compile=True)
    with pytest.raises(ValueError, match="got capture=True for a model on cpu, expected one on a CUDA device"):
        steps.Pure(model, optim.RMSprop(model.parameters()), capture=True)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    step = steps.Pure(model, optimizer)
    run(step, batches(1))
    for key in ("momentum", "weight_decay"):
        before, optimizer.param_groups[0][key] = optimizer.param_groups[0][key], 0.9
        with pytest.raises(
            ValueError, match=rf"fit: {key} changed from {before} to 0.9; with compile or capture only lr may"
        ):
            run(step, batches(1))
        optimizer.param_groups[0][key] = before
    with pytest.raises(ValueError, match=r"got autocast=torch.float16, expected torch.bfloat16 or None; float16"):
        steps.Eager(model, optimizer, autocast=torch.float16)


def test_a_machine_without_compiler_is_told_so_in_one_sentence(tmp_path):
    code = (
        "import torch; from torch import nn; from nnutils import optim, steps; model = nn.Linear(5, 3); "
        "step = steps.Pure(model, optim.SGD(model.parameters(), lr=0.1), compile=True); "
        "step.__enter__(); step(torch.ones(7, 5), torch.zeros(7, dtype=torch.long))"
    )
    changes = {"CXX": str(tmp_path / "none"), "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1"}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **changes})
    assert "RuntimeError: fit: compile=True needs a C++ compiler such as g++" in told.stderr.splitlines()[-1]


@GPU
@pytest.mark.parametrize("compile_too", [False, True])
@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam", "AdamW"])
def test_the_captured_step_takes_the_same_steps(name, compile_too):
    given = [*batches(6, 16, device="cuda"), *batches(1, 5, device="cuda")]
    ours, theirs = net(norm=True).cuda(), net(norm=True).cuda()
    a, b = (getattr(module, name) for module in (optim, torch.optim))
    a, b = a(ours.parameters(), lr=0.01), b(theirs.parameters(), lr=0.01)
    step = steps.Pure(ours, a, capture=True, compile=compile_too)
    for rate in (0.01, 0.003):
        a.param_groups[0]["lr"] = b.param_groups[0]["lr"] = rate
        torch.testing.assert_close(run(step, given), plain(theirs, b, given), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-2, atol=1e-3)


@GPU
def test_capturing_draws_as_many_random_numbers_as_a_plain_step():
    masks = []
    for capture in (False, True):
        torch.manual_seed(0)
        model = net(dropout=0.5).cuda()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        torch.cuda.manual_seed(3)
        step = steps.Pure(model, optimizer, capture=capture)
        masks.append(torch.stack(run(step, batches(4, device="cuda"))))
    torch.testing.assert_close(*masks)
