"""Many parameters of an optimizer as one long vector: fewer and larger operations for an update.

``flatten`` makes every parameter, its gradient and its state a view of a vector and gives the optimizer these vectors;
``Flat.part`` undoes it. In between, the model works as ever: a parameter is the same object with the same values.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from nnutils import optim

__all__ = ["ELEMENTWISE", "Flat", "flatten", "listened_to", "uninterrupted"]

ELEMENTWISE = (
    torch.optim.ASGD,
    torch.optim.Adadelta,
    torch.optim.Adagrad,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.Adamax,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.RMSprop,
    torch.optim.Rprop,
    torch.optim.SGD,
)
"""PyTorch's optimizers that treat each weight by itself, so that many tensors may be updated as one vector."""


#: A tensor of more numbers than this is worth an operation of its own on a CPU, where joining it costs two more passes
#: over its gradient.
LARGE = 2**16


class Flat:
    """Parameters of one group of an optimizer, and their gradients and state, as views of long vectors.

    Examples
    --------
    >>> model = nn.Linear(2, 3)
    >>> model(torch.ones(2)).sum().backward()
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> (flat,) = flatten(optimizer)
    >>> [w.shape for w in optimizer.param_groups[0]["params"]], flat.grads
    ([torch.Size([9])], tensor([1., 1., 1., 1., 1., 1., 1., 1., 1.]))
    >>> flat.part()
    >>> [w.shape for w in optimizer.param_groups[0]["params"]]
    [torch.Size([3, 2]), torch.Size([3])]
    """

    def __init__(self, optimizer: torch.optim.Optimizer, group: dict[str, Any], params: list[nn.Parameter]) -> None:
        self.optimizer, self.group, self.params = optimizer, group, params
        self.before, self.foreach = group["params"], group.get("foreach")
        self.sizes = [p.numel() for p in params]
        # all memory first: should there be none, nothing has changed yet
        self.weights = torch.cat([p.detach().reshape(-1) for p in params]).requires_grad_()
        self.grads = torch.cat([p.grad.reshape(-1) for p in params])  # type: ignore[union-attr]
        states = [optimizer.state.get(p, {}) for p in params]
        joined = {
            key: torch.cat([state[key].reshape(-1) for state in states]) if _is_like(value, params[0]) else value
            for key, value in states[0].items()
        }
        self.weights.grad = self.grads
        for p, weight, grad in zip(params, self._cut(self.weights.detach()), self._cut(self.grads), strict=True):
            p.data, p.grad = weight, grad
            optimizer.state.pop(p, None)
        if joined:
            optimizer.state[self.weights] = joined
        inside = set(map(id, params))
        group["params"] = [self.weights, *(p for p in self.before if id(p) not in inside)]
        alone = len(group["params"]) == 1 or self.weights.device.type == "cpu"
        if "foreach" in group and self.foreach is None and not group.get("fused") and alone:
            group["foreach"] = False  # what PyTorch would choose here, but not look for at each step

    def part(self) -> None:
        """Give each parameter memory of its own again."""
        state = self.optimizer.state.get(self.weights, {})
        whole = {key: self._cut(value) for key, value in state.items() if _is_like(value, self.weights)}
        own = []
        for i, p in enumerate(self.params):
            mine = {key: whole[key][i] if key in whole else value for key, value in state.items()}
            mine = {key: value.clone() if isinstance(value, Tensor) else value for key, value in mine.items()}
            own.append((p.detach().clone(), None if p.grad is None else p.grad.clone(), mine))
        for p, (weight, grad, mine) in zip(self.params, own, strict=True):
            p.data, p.grad = weight, grad
            if mine:
                self.optimizer.state[p] = mine
        self.optimizer.state.pop(self.weights, None)
        self.group["params"] = self.before
        if "foreach" in self.group:
            self.group["foreach"] = self.foreach

    def _cut(self, vector: Tensor) -> list[Tensor]:
        return [part.view(p.shape) for part, p in zip(vector.split(self.sizes), self.params, strict=True)]


def flatten(optimizer: torch.optim.Optimizer) -> list[Flat]:
    """Join the parameters that have a gradient, group by group, where the optimizer treats each weight by itself.

    On a CPU large tensors stay by themselves. A group stays as it is where its parameters differ in dtype, device or
    number of steps taken; all stay where a hook listens to the optimizer or to the gradient of a parameter, and so
    expects the tensors themselves.

    Examples
    --------
    >>> flatten(torch.optim.SGD(nn.Linear(2, 3).parameters(), lr=0.1))  # no gradients yet
    []
    """
    own = isinstance(optimizer, optim.Optimizer) and optimizer.rule in optim.RULES.values()
    if not own and (type(optimizer) not in ELEMENTWISE or optimizer.defaults["differentiable"]):
        return []
    if listened_to(optimizer):
        return []
    flats: list[Flat] = []
    try:
        for group in optimizer.param_groups:
            params = [p for p in group["params"] if type(p) is nn.Parameter and p.grad is not None and p.ndim]
            params = [p for p in params if p.numel() <= LARGE or p.device.type != "cpu"]
            if len(params) > 1 and all(_fits(optimizer, params[0], p) for p in params):
                flats.append(Flat(optimizer, group, params))
    except BaseException:
        for flat in flats:
            flat.part()
        raise
    return flats


def listened_to(optimizer: torch.optim.Optimizer) -> bool:
    """Say whether a hook runs at the optimizer's steps, or when the gradient of one of its parameters is there.

    Examples
    --------
    >>> optimizer = torch.optim.SGD(nn.Linear(2, 3).parameters(), lr=0.1)
    >>> listened_to(optimizer)
    False
    >>> _ = optimizer.register_step_pre_hook(lambda *_: None)
    >>> listened_to(optimizer)
    True
    """
    hooks = [getattr(optimizer, f"_optimizer_step_{when}_hooks", None) for when in ("pre", "post")]
    hooks += [_global_optimizer_pre_hooks, _global_optimizer_post_hooks]
    params = [p for group in optimizer.param_groups for p in group["params"]]
    return any(hooks) or any(getattr(p, "_post_accumulate_grad_hooks", None) for p in params)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait until the block is done, so that it is done wholly.

    Examples
    --------
    >>> with uninterrupted():
    ...     pass
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python interrupts no other thread
        return
    waiting = []
    before = signal.signal(signal.SIGINT, lambda *given: waiting.append(given))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if waiting and callable(before):
            before(*waiting[0])


def _fits(optimizer: torch.optim.Optimizer, first: nn.Parameter, p: nn.Parameter) -> bool:
    """Say whether a parameter can lie in one vector with the first of its group: same kind, same count of steps."""
    if p.grad is None or p.grad.layout != torch.strided or not p.is_contiguous():
        return False
    if (p.dtype, p.device, p.grad.dtype) != (first.dtype, first.device, first.grad.dtype):  # type: ignore[union-attr]
        return False
    a, b = optimizer.state.get(first, {}), optimizer.state.get(p, {})
    return a.keys() == b.keys() and all(
        _is_like(b[key], p) if _is_like(a[key], first) else a[key] == b[key] for key in a
    )


def _is_like(value: object, p: Tensor) -> bool:
    """Say whether an entry of a parameter's state has a number for each weight; the others are counts."""
    return isinstance(value, Tensor) and value.ndim > 0 and value.shape == p.shape
