"""Refused names: found in the source through every alias, and stopped while the code runs."""

import pytest
import torch

from autograder.guard import Guard, RefusedError
from autograder.rules import sentence, violations
from autograder.testing import AUTOGRAD

REFUSED = ("torch.optim", "torch.nn.utils.clip_grad*", "nnutils.optim")

USES = {
    "full path": "import torch\nclass Q:\n    def __init__(self, p): self.o = torch.optim.SGD(p, lr=1)",
    "module alias": "import torch.optim as o\ndef Q(p): return o.SGD(p)",
    "package alias": "import torch as t\ndef Q(p): return t.optim.SGD(p)",
    "from torch": "from torch import optim\ndef Q(p): return optim.Adam(p)",
    "from torch, renamed": "from torch.optim import Adam as Mine\ndef Q(p): return Mine(p)",
    "star": "from torch.optim import *\ndef Q(p): return SGD(p)",
    "local import": "def Q(p):\n    from torch.optim import SGD\n    return SGD(p)",
    "base class": "import torch\nclass Q(torch.optim.Optimizer): pass",
    "helper": "import torch\ndef helper(p): return torch.optim.SGD(p)\ndef Q(p): return helper(p)",
    "helper's helper": "import torch\ndef a(p): return torch.optim.SGD(p)\ndef b(p): return a(p)\nQ = b",
    "own base class": "import torch\nclass Base:\n    kind = torch.optim.SGD\nclass Q(Base): pass",
    "assigned alias": "import torch\nT = torch\nO = T.optim\ndef Q(p): return O.SGD(p)",
    "class as a value": "import torch\nQ = torch.optim.SGD",
    "getattr": "import torch\ndef Q(p): return getattr(torch, 'optim').SGD(p)",
    "import_module": "import importlib\ndef Q(p): return importlib.import_module('torch.optim').SGD(p)",
    "decorator": "import torch\n@torch.optim.Optimizer.profile_hook_step\ndef Q(p): pass",
    "default value": "import torch\ndef Q(p, kind=torch.optim.SGD): return kind(p)",
    "patched in": "import torch\nclass Q: pass\nQ.step = torch.optim.SGD.step",
    "clip": "from torch.nn.utils import clip_grad_norm_\ndef Q(p): clip_grad_norm_(p, 1)",
    "nnutils": "from nnutils import optim\ndef Q(p): return optim.SGD(p)",
    "behind a magic": "%matplotlib inline\nimport torch\ndef Q(p): return torch.optim.SGD(p)",
    "inside try": "try:\n    from torch.optim import SGD\nexcept ImportError:\n    pass\ndef Q(p): return SGD(p)",
}


HELPER = "import torch\ndef helper(p): return torch.optim.SGD(p)"
USES |= {
    "default that has the name of its argument": f"{HELPER}\n\ndef Q(p, helper=helper): return helper(p)",
    "keyword default": f"{HELPER}\n\ndef Q(p, *, helper=helper): return helper(p)",
    "lambda's default": f"{HELPER}\n\nQ = lambda p, helper=helper: helper(p)",
    "loop over its own name": f"{HELPER}\n\ndef Q(p): return [helper(p) for helper in [helper]]",
    "declared global": f"{HELPER}\n\ndef Q(p):\n    global helper\n    helper = helper\n    return helper(p)",
    "after a comprehension": f"{HELPER}\n\ndef Q(p):\n    [0 for helper in p]\n    return helper(p)",
    "bound in a nested function only": f"{HELPER}\n\ndef Q(p):\n    def inner(): helper = 1\n    return helper(p)",
    "class body in a function": f"{HELPER}\n\ndef Q(helper):\n    class A: helper = helper\n    return A.helper(1)",
    "method beside an attribute": f"{HELPER}\n\nclass Q:\n    helper = 1\n    def step(self): return helper(1)",
}


@pytest.mark.parametrize("use", USES)
def test_a_use_is_found(use):
    assert violations(USES[use].split("\n\n"), ["Q"], REFUSED)


@pytest.mark.parametrize(
    "cells",
    [
        ["import torch.optim", "def Q(p): return p"],
        ["import torch", "reference = torch.optim.SGD", "def Q(p): return p"],
        ["import torch", "def other(p): return torch.optim.SGD(p)", "def Q(p): return p"],
        [
            "import torch",
            "def Q(p: torch.optim.Optimizer) -> torch.optim.Optimizer:\n    x: torch.optim.SGD = p\n    return x",
        ],
        ["import torch", "def Q(p): return torch.optim.SGD(p)", "def Q(p): return p"],
        ["def Q(p):\n    'not torch.optim.SGD'\n    return p  # torch.optim"],
        ["class optim:\n    SGD = 1", "def Q(p): return optim.SGD"],
        ["import torch", "def Q(p): return torch.nn.utils.parameters_to_vector(p)"],
        ["this is not Python", "def Q(p): return p"],
        [HELPER, "def Q(p):\n    def helper(p): return p\n    return helper(p)"],
        [HELPER, "def Q(helper): return helper.step()"],
        [HELPER, "def Q(p):\n    for helper in p: helper.step()"],
        [HELPER, "def Q(p): return [helper.step() for helper in p]"],
        [HELPER, "Q = lambda helper: helper()"],
        [HELPER, "class Q:\n    def step(self):\n        helper = self\n        return lambda: helper"],
        ["from torch import optim", "def Q(p):\n    optim = p\n    return optim.SGD"],
    ],
)
def test_what_the_question_does_not_use_costs_nothing(cells):
    assert violations(cells, ["Q"], REFUSED) == []


def test_the_message_names_question_and_name():
    assert sentence("sgd", "torch.optim") == "sgd: torch.optim is refused in this question; write the update yourself"


def parameter():
    return torch.ones(2, requires_grad=True)


KEPT_REFERENCES = (torch.optim.SGD, torch.nn.utils.clip_grad_norm_)


@pytest.mark.parametrize(
    "use",
    [
        lambda: torch.optim.SGD([parameter()], lr=0.1),
        lambda: KEPT_REFERENCES[0]([parameter()], lr=0.1),
        lambda: KEPT_REFERENCES[1]([parameter()], 1.0),
        lambda: torch.nn.utils.clip_grad_value_([parameter()], 1.0),
        lambda: vars(torch)["op" + "tim"].Adam([parameter()]),
        lambda: type("Mine", (torch.optim.Optimizer,), {})([parameter()], {}),
        lambda: torch.optim.lr_scheduler.StepLR(None, 1),
    ],
)
def test_a_refused_thing_raises_while_the_guard_is_active_and_works_afterwards(use):
    guard = Guard("q", REFUSED)
    with guard.active(), pytest.raises(RefusedError, match="is refused in this question"):
        use()
    assert torch.optim.SGD([parameter()], lr=0.1).defaults["lr"] == 0.1
    assert float(torch.nn.utils.clip_grad_norm_([parameter()], 1.0)) == 0.0


def test_the_guard_reaches_methods_and_all_holders_of_what_is_written_in_c():
    z, refused = torch.tensor([-1.0, 1.0]), ("torch.nn.functional.relu_", "torch.relu_", "torch.Tensor.tanh")
    guard = Guard("q", refused)
    for _ in range(2):
        with guard.active(), pytest.raises(RefusedError, match=r"torch\.Tensor\.tanh is refused"):
            z.tanh()
        with guard.active(), pytest.raises(RefusedError, match=r"torch\.relu_ is refused"):
            torch.relu_(z)
        with guard.active(), pytest.raises(RefusedError, match=r"torch\.nn\.functional\.relu_ is refused"):
            torch.nn.functional.relu_(z)
        assert torch.equal(z.tanh(), torch.tanh(z))
        assert "tanh" not in vars(torch.Tensor)
        assert torch.relu_(z.clone()).tolist() == [0.0, 1.0]


def test_the_guard_reaches_functions_of_nnutils():
    from nnutils.optim import sgd

    with Guard("q", REFUSED).active(), pytest.raises(RefusedError, match=r"nnutils\.optim"):
        sgd(torch.ones(1), {}, lr=0.1)


def test_everything_else_works_under_the_guard():
    with Guard("q", REFUSED).active():
        model = torch.nn.Linear(2, 1)
        model(torch.ones(1, 2)).sum().backward()
        assert model.weight.grad is not None


def test_a_prefix_that_names_nothing_refuses_nothing():
    with Guard("q", ("nnutils.no_such_room", "no_such_package.x")).active():
        assert torch.optim.SGD([parameter()], lr=0.1)


def loss():
    w = torch.ones(3, requires_grad=True)
    return w, (w**3).sum()


KEPT = (torch.autograd.grad, torch.Tensor.backward, torch.func.grad(lambda x: (x**2).sum()))


@pytest.mark.parametrize(
    "use",
    [
        lambda: loss()[1].backward(),
        lambda: torch.Tensor.backward(loss()[1]),
        lambda: getattr(loss()[1], "back" + "ward")(),
        lambda: KEPT[1](loss()[1]),
        lambda: torch.autograd.backward(loss()[1]),
        lambda: torch.autograd.grad(*loss()[::-1]),
        lambda: KEPT[0](*loss()[::-1]),
        lambda: torch.autograd.functional.jacobian(torch.sin, torch.ones(2)),
        lambda: torch.autograd.functional.vjp(torch.sin, torch.ones(2), torch.ones(2)),
        lambda: torch.func.grad(torch.sin)(torch.tensor(1.0)),
        lambda: torch.func.grad_and_value(torch.sin)(torch.tensor(1.0)),
        lambda: KEPT[2](torch.ones(2)),
        lambda: torch.func.vjp(torch.sin, torch.ones(2)),
        lambda: torch.func.jacrev(torch.sin)(torch.ones(2)),
        lambda: torch.func.jacfwd(torch.sin)(torch.ones(2)),
        lambda: torch.func.jvp(torch.sin, (torch.ones(2),), (torch.ones(2),)),
        lambda: torch.autograd.forward_ad.dual_level().__enter__(),
    ],
)
def test_every_way_to_autograd_raises_under_the_guard(use):
    with Guard("q", AUTOGRAD).active(), pytest.raises(RefusedError, match="is refused in this question"):
        use()
    w, value = loss()
    value.backward()
    assert w.grad.tolist() == [3.0, 3.0, 3.0]


def test_what_computes_no_gradient_works_where_autograd_is_refused():
    class Value:
        def backward(self):
            return 1

    with Guard("q", AUTOGRAD).active(), torch.no_grad(), torch.autograd.grad_mode.inference_mode():
        assert Value().backward() == 1
        assert torch.zeros(2, requires_grad=True).sum().item() == 0
        loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(4, 2)), batch_size=2)
        assert len(list(loader)) == 2


@pytest.mark.parametrize(
    "cell",
    [
        "import torch\ndef Q(z): return torch.autograd.grad(z.sum(), z)",
        "from torch import autograd as a\ndef Q(z): return a.grad(z.sum(), z)",
        "from torch.func import jacrev\ndef Q(z): return jacrev(len)(z)",
        "def Q(z): return z.sum().grad_fn(1)",
        "def Q(z): return getattr(z.sum(), 'grad_fn')(1)",
        "from torch import Tensor\ndef Q(z): return Tensor.backward(z.sum())",
    ],
)
def test_autograd_is_found_in_the_source(cell):
    assert violations([cell], ["Q"], AUTOGRAD)


def test_own_methods_and_no_grad_are_not_taken_for_autograd():
    cell = (
        "import torch\nclass Q:\n    def backward(self):\n        torch.autograd.grad_mode.no_grad(); self.backward()"
    )
    assert violations([cell], ["Q"], AUTOGRAD) == []
