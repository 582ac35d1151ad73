"""One training step (forward, loss, backward, update) and the ways to run it: eager, compiled, captured, in bfloat16.

The contract that both classes share: a step is called with a batch, ``step(inputs, targets)``, updates the model in
place and returns the loss as it was before the update, detached, on the batch's device: nothing waits for a GPU. It is
used as a context manager, ``with step:`` around an epoch; outside of the block model and optimizer are as ever.

``Eager`` takes any model and any optimizer. ``Pure`` takes an optimizer of ``nnutils.optim``, whose rules are
functions of tensors, so that the whole step can be compiled into one function or captured as one CUDA graph.
"""

import inspect
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnutils import optim
from nnutils.flat import Flat, flatten, listened_to, uninterrupted

__all__ = ["Eager", "Pure"]

Loss = Callable[[Tensor, Tensor], Tensor]


class Eager:
    """Run a step operation by operation, with any optimizer's own update.

    The update of a small net costs more than its products: RMSprop runs five operations for each parameter tensor. So
    from the second batch of a block on, the parameters that had a gradient on the first (on a CPU: but for large ones)
    are views of one vector, their gradients of a second one, and the optimizer sees these two, where it treats each
    weight by itself (``nnutils.flat``). A parameter that gets no gradient on a later batch counts as one whose gradient
    is 0.

    Parameters
    ----------
    autocast : torch.dtype, optional
        Run the products of the forward pass, and so of the backward pass, in this dtype: ``torch.bfloat16``.

    Examples
    --------
    >>> model = nn.Linear(2, 2)
    >>> _ = nn.init.zeros_(model.weight), nn.init.zeros_(model.bias)
    >>> with Eager(model, torch.optim.SGD(model.parameters(), lr=2.0)) as step:
    ...     print(step(torch.eye(2), torch.tensor([0, 1])))
    tensor(0.6931)
    >>> model.weight
    Parameter containing:
    tensor([[ 0.5000, -0.5000],
            [-0.5000,  0.5000]], requires_grad=True)
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss_fn: Loss = F.cross_entropy,
        *,
        autocast: torch.dtype | None = None,
    ) -> None:
        self.compute_loss = _forward(model, loss_fn, autocast)
        self.optimizer = optimizer
        self.device = _device(optimizer)
        self.flats: list[Flat] | None = None  # None until the first batch of an epoch; empty if nothing can be joined

    def __enter__(self) -> "Eager":
        """Begin an epoch."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give every parameter its own memory, gradient and optimizer state back."""
        with uninterrupted():
            for flat in self.flats or []:
                flat.part()
            self.flats = None

    def __call__(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Take one step; return the loss before the update."""
        if self.flats is None:
            self.optimizer.zero_grad()
            loss = self._backward(inputs, targets)
            self.optimizer.step()
            with uninterrupted():
                self.flats = flatten(self.optimizer)
            apart = {id(flat.weights) for flat in self.flats}
            groups = self.optimizer.param_groups
            self.others = [p for group in groups for p in group["params"] if id(p) not in apart]
            self.update = _bare_step(self.optimizer) if self.flats else self.optimizer.step
            return loss
        for flat in self.flats:
            flat.grads.zero_()
        for p in self.others:
            p.grad = None
        loss = self._backward(inputs, targets)
        with torch.no_grad():
            self.update()
        return loss

    def _backward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        loss = self.compute_loss(inputs, targets)
        loss.backward()
        return loss.detach()


def _bare_step(optimizer: torch.optim.Optimizer) -> Callable[[], Any]:
    """Return the update without what PyTorch wraps around it for profilers and hooks: half of it for a small net."""
    bare = inspect.unwrap(type(optimizer).step)
    # a scheduler of PyTorch's counts the steps, by a method of its own on this one optimizer
    return optimizer.step if "step" in vars(optimizer) else lambda: bare(optimizer)


class Pure:
    """Run the step as one function of tensors: as it is, compiled, or captured as a CUDA graph.

    The optimizer's state lies in tensors that are updated in place, and so do the learning rates, so that nothing is
    compiled or captured anew when a schedule moves them. Only batches of the first batch's shape run compiled or
    captured; a shorter one runs the same function as it is.

    Parameters
    ----------
    optimizer : nnutils.optim.Optimizer
    compile : bool
        By ``torch.compile``: 5 to 20 s at the first batch, and a C++ compiler on the machine (on a GPU: Triton).
    capture : bool
        As a CUDA graph: one launch for a step, where launching is what takes the time. The model must not decide
        anything on the CPU. May be combined with ``compile``.
    autocast : torch.dtype, optional
        As for ``Eager``.

    Raises
    ------
    ValueError
        Another optimizer, hooks, ``capture`` without a CUDA device or with layers that hold a generator, a dtype other
        than bfloat16; at a step: a hyperparameter other than ``lr`` has changed.
    RuntimeError
        At the first step: no compiler.

    Examples
    --------
    >>> model = nn.Linear(2, 2)
    >>> _ = nn.init.zeros_(model.weight), nn.init.zeros_(model.bias)
    >>> with Pure(model, optim.SGD(model.parameters(), lr=2.0)) as step:
    ...     print(step(torch.eye(2), torch.tensor([0, 1])))
    tensor(0.6931)
    >>> model.bias
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loss_fn: Loss = F.cross_entropy,
        *,
        compile: bool = False,
        capture: bool = False,
        autocast: torch.dtype | None = None,
    ) -> None:
        if not isinstance(optimizer, optim.Optimizer):
            raise ValueError(
                f"fit: got {type(optimizer).__module__}.{type(optimizer).__name__} with compile or capture, expected "
                "an optimizer of nnutils.optim, such as optim.RMSprop(model.parameters(), lr=0.001), which takes the "
                "same steps by a function of tensors"
            )
        if listened_to(optimizer):
            raise ValueError("fit: got an optimizer or parameters with hooks, which compile and capture leave out")
        held = [name for name, module in model.named_modules() if _holds_generator(module)]
        if capture and held:
            raise ValueError(
                f"fit: got capture=True for a model whose {held[0] or 'top module'} has a generator, expected none"
            )
        self.optimizer, self.compile = optimizer, compile
        self.groups = [
            (group, [p for p in group["params"] if p.requires_grad], optimizer.hyperparameters(group))
            for group in optimizer.param_groups
        ]
        weights = [w for _, params, _ in self.groups for w in params]
        device = self.device = _device(optimizer)
        if capture and device.type != "cuda":
            raise ValueError(f"fit: got capture=True for a model on {device}, expected one on a CUDA device")
        for w in weights:
            blank = optim.initial_state(optimizer.rule, w)
            old = {key: torch.as_tensor(value) for key, value in optimizer.state[w].items()}
            optimizer.state[w] = {key: old[key].to(zeros) if key in old else zeros for key, zeros in blank.items()}
        self.lrs = [_rate(group["lr"], weights[0], capture) for group, _, _ in self.groups]
        self.seen = [group["lr"] for group, _, _ in self.groups]
        self.step = self._function(_forward(model, loss_fn, autocast), weights)
        self.fast = torch.compile(self.step) if compile else self.step
        self.capture = _Captured(self.fast, weights, optimizer, model) if capture else None
        self.fixed = [
            {key: value for key, value in hyper.items() if key not in ("lr", "decoupled")} for *_, hyper in self.groups
        ]
        self.size: tuple[torch.Size, torch.Size] | None = None
        # PyTorch's schedulers warn where it is missing, and this class never calls optimizer.step, which sets it
        optimizer._opt_called = True  # type: ignore[attr-defined]
        self.stack = ExitStack()

    def _function(self, compute_loss: Loss, weights: list[Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
        """Return the step as a function of the batch that changes weights and state in place."""
        optimizer, rule, groups, lrs = self.optimizer, self.optimizer.rule, self.groups, self.lrs
        states = [[optimizer.state[w] for w in params] for _, params, _ in groups]

        def step(inputs: Tensor, targets: Tensor) -> Tensor:
            loss = compute_loss(inputs, targets)
            total = loss.sum() if loss.ndim else loss  # one loss for each of several models: see nnutils.stacked
            grads = iter(torch.autograd.grad(total, weights, allow_unused=True))  # one after another, for all groups
            with torch.no_grad():
                for (_, params, hyper), state_of, lr in zip(groups, states, lrs, strict=True):
                    for w, state in zip(params, state_of, strict=True):
                        grad = next(grads)
                        if grad is not None:
                            new = optim.update(rule, w, grad, state, **{**hyper, "lr": lr})
                            for key, value in new.items():
                                state[key].copy_(value)
            return loss.detach()

        return step

    def __enter__(self) -> "Pure":
        """Begin an epoch, in which the compiler sees through ``torch.autograd.grad``."""
        if self.compile:
            import torch._dynamo

            self.stack.enter_context(torch._dynamo.config.patch(trace_autograd_ops=True))  # type: ignore[attr-defined]
        return self

    def __exit__(self, *_: object) -> None:
        """End the epoch."""
        self.stack.close()

    def __call__(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Take one step; return the loss before the update."""
        for i, group in enumerate(self.optimizer.param_groups):
            for key, value in self.fixed[i].items():
                if group[key] != value:
                    raise ValueError(
                        f"fit: {key} changed from {value} to {group[key]}; with compile or capture only lr may change "
                        "(for OneCycleLR: cycle_momentum=False)"
                    )
            lr = group["lr"]
            if lr is not self.seen[i] or isinstance(lr, Tensor):
                self.lrs[i].copy_(torch.as_tensor(lr))
                self.seen[i] = lr
        size = inputs.shape, targets.shape
        if self.size is None:
            self.size = size
        if size != self.size:
            return self.step(inputs, targets)
        if self.capture is not None:
            return self.capture(inputs, targets)
        try:
            return self.fast(inputs, targets)
        except RuntimeError as error:
            if "InvalidCxxCompiler" in str(error) or "TritonMissing" in str(error):
                raise RuntimeError(
                    "fit: compile=True needs a C++ compiler such as g++ (on a GPU: Triton), and there is none; install "
                    "one, or leave compile out"
                ) from None
            raise


class _Captured:
    """A function of a batch as a CUDA graph: recorded at the first call, replayed at each."""

    def __init__(
        self,
        step: Callable[[Tensor, Tensor], Tensor],
        weights: list[Tensor],
        optimizer: torch.optim.Optimizer,
        model: nn.Module,
    ) -> None:
        self.step, self.weights, self.optimizer, self.model = step, weights, optimizer, model
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self, inputs: Tensor, targets: Tensor) -> Tensor:
        if self.graph is None:
            self._record(inputs, targets)
        self.inputs.copy_(inputs)
        self.targets.copy_(targets)
        self.graph.replay()  # type: ignore[union-attr]
        return self.loss.clone()

    def _record(self, inputs: Tensor, targets: Tensor) -> None:
        """Warm up on a side stream, as PyTorch's notes on CUDA graphs ask for, undo what that changed, and capture."""
        self.inputs, self.targets = inputs.clone(), targets.clone()
        states = [value for w in self.weights for value in self.optimizer.state[w].values()]
        changed = [*self.weights, *self.model.buffers(), *states]
        kept = [tensor.detach().clone() for tensor in changed]
        with torch.cuda.device(inputs.device):
            random = torch.cuda.get_rng_state()
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            try:
                with torch.cuda.stream(side):
                    for _ in range(3):
                        self.step(self.inputs, self.targets)
            finally:
                torch.cuda.current_stream().wait_stream(side)
                with torch.no_grad():
                    for tensor, value in zip(changed, kept, strict=True):
                        tensor.copy_(value)
                torch.cuda.set_rng_state(random)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph, stream=side):
                self.loss = self.step(self.inputs, self.targets)
        self.graph = graph


def _rate(lr: float | Tensor, weight: Tensor, capture: bool) -> Tensor:
    """Return a rate as a tensor: of the weights' kind where it is one for each model (``nnutils.stacked``).

    A single one is float64 (where there is such a thing) and makes no weight float64; a graph needs it on the device.
    """
    if isinstance(lr, Tensor) and lr.ndim:
        return lr.to(weight)
    kind = torch.float32 if weight.device.type == "mps" else torch.float64
    return torch.as_tensor(lr, dtype=kind, device=weight.device if capture else "cpu").clone()


def _holds_generator(module: nn.Module) -> bool:
    return any(isinstance(value, torch.Generator) for value in vars(module).values())


def _device(optimizer: torch.optim.Optimizer) -> torch.device:
    """Return where the parameters are, and so the batches must be."""
    device: torch.device = optimizer.param_groups[0]["params"][0].device
    return device


def _forward(model: nn.Module, loss_fn: Loss, autocast: torch.dtype | None) -> Loss:
    """Return the function from a batch to its loss, computed in a narrower dtype if one is given."""
    if autocast not in (None, torch.bfloat16):
        raise ValueError(f"fit: got autocast={autocast}, expected torch.bfloat16 or None; float16 needs a scaled loss")

    def compute_loss(inputs: Tensor, targets: Tensor) -> Tensor:
        return loss_fn(model(inputs), targets)

    if autocast is None:
        return compute_loss

    def narrow(inputs: Tensor, targets: Tensor) -> Tensor:
        with torch.autocast(inputs.device.type, dtype=autocast):
            return compute_loss(inputs, targets)

    return narrow
