r"""What to measure when a network does not learn: activations, gradients, updates, learning rates.

The contract that all functions share: they leave the model as they found it. Weights, buffers, every ``.grad``, the
mode of every module, PyTorch's random state and the model's hooks come back as they were, also when the model raises.
A model is measured in the mode that it is in; ``learning_rate_range_test`` alone trains, on a copy. ``update_ratios``
changes what the step changes that it is given. Numbers come back as floats, to print, plot or compare.
``numerical_gradient`` and ``check_gradient`` know no model: they call a function, and what it changes is its affair.
"""

import contextlib
import copy
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nnutils.arguments import floating, nonnegative, positive, same_device, same_shape, shape
from nnutils.train import keep_modes

__all__ = [
    "ActivationStatistics",
    "GradientCheck",
    "GradientStatistics",
    "activation_statistics",
    "check_gradient",
    "collect_activations",
    "collect_gradients",
    "dead_fraction",
    "gradient_statistics",
    "learning_rate_range_test",
    "numerical_gradient",
    "saturated_fraction",
    "update_ratios",
]

Loss = Callable[[Tensor, Tensor], Tensor]

_RANGES: dict[type[nn.Module], tuple[float, float]] = {nn.Sigmoid: (0.0, 1.0), nn.Tanh: (-1.0, 1.0)}
_NO_ACTIVATION = re.compile("(?i)flatten|dropout|identity|pool|sequential")


class ActivationStatistics(NamedTuple):
    """What one activation module puts out for a batch.

    ``mean`` and ``std`` (with Bessel's correction) are over all entries, ``dead`` is ``dead_fraction``. ``saturated``
    is the share of entries within 1 % of the ends of a sigmoid's or tanh's range, where the slope is below 4 % of its
    maximum; None for other activations.

    Examples
    --------
    >>> ActivationStatistics("1", mean=0.5, std=0.2, dead=0.0, saturated=None).std
    0.2
    """

    name: str
    mean: float
    std: float
    dead: float
    saturated: float | None


class GradientStatistics(NamedTuple):
    """Mean, standard deviation (with Bessel's correction) and Euclidean norm of the gradient of one parameter.

    Examples
    --------
    >>> GradientStatistics(mean=0.0, std=0.1, norm=0.8).norm
    0.8
    """

    mean: float
    std: float
    norm: float


def collect_activations(model: nn.Module, X: Tensor) -> dict[str, Tensor]:
    """Return what each activation module puts out for ``X``, by the module's name, in order of the forward pass.

    An activation module is a leaf module without parameters whose class is no flattening, dropout, identity or
    pooling; what ``forward`` computes by functions such as ``torch.relu`` is not seen. A module that is called again
    has ``" (call 2)"`` after its name. The tensors are detached copies.

    Raises
    ------
    ValueError
        ``X`` is no tensor with rows, or lies on another device than the model.

    Examples
    --------
    >>> model = nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Sigmoid())
    >>> collect_activations(model, torch.tensor([[-1.0, 0.0]]))
    {'1': tensor([[0., 0.]]), '2': tensor([[0.5000, 0.5000]])}
    """
    return {name: output for name, _, output in _run("collect_activations", model, X)}


def activation_statistics(model: nn.Module, X: Tensor) -> list[ActivationStatistics]:
    """Return statistics of the output of each activation module, in order of the forward pass.

    A healthy initialization keeps ``std`` about equal through depth (Glorot and Bengio 2010). See
    ``collect_activations`` for what counts as an activation module.

    Parameters
    ----------
    X : Tensor of shape (N, ...)
        A batch of inputs.

    Raises
    ------
    ValueError
        As for ``collect_activations``; or an output has no axis of units.

    Examples
    --------
    >>> X = torch.tensor([[-1.0, 4.0], [-2.0, 4.0]])
    >>> for layer in activation_statistics(nn.Sequential(nn.ReLU(), nn.Tanh()), X):
    ...     print(f"{layer.name}: mean {layer.mean:.2f}, std {layer.std:.2f}, {layer.dead:.0%} dead", layer.saturated)
    0: mean 2.00, std 2.31, 50% dead None
    1: mean 0.50, std 0.58, 50% dead 0.5
    """
    found = []
    for name, module, output in _run("activation_statistics", model, X):
        mean, std = _mean_and_std(output)
        saturated = None
        if type(module) in _RANGES:
            low, high = _RANGES[type(module)]
            margin = 0.01 * (high - low)
            saturated = saturated_fraction(output, low=low + margin, high=high - margin)
        found.append(ActivationStatistics(name, mean, std, dead_fraction(output), saturated))
    return found


def collect_gradients(model: nn.Module, X: Tensor, y: Tensor, *, loss_fn: Loss = F.cross_entropy) -> dict[str, Tensor]:
    """Return the gradient of ``loss_fn(model(X), y)`` for each parameter that requires one, by the parameter's name.

    A parameter that the loss does not depend on has a gradient of zeros.

    Raises
    ------
    ValueError
        Rows and targets of different number or on different devices, no parameter requires a gradient, or the loss is
        no 0-d tensor that depends on one.

    Examples
    --------
    >>> model = nn.Linear(2, 1, bias=False)
    >>> collect_gradients(model, torch.tensor([[1.0, 2.0]]), torch.zeros(1, 1), loss_fn=lambda z, y: z.sum())
    {'weight': tensor([[1., 2.]])}
    """
    shape("collect_gradients", "(N, ...)", X=X, y=y)
    if len(X) != len(y):
        raise ValueError(f"collect_gradients: got {len(X)} rows and {len(y)} targets, expected as many of both")
    wanted = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not wanted:
        raise ValueError("collect_gradients: no parameter of the model requires a gradient, expected at least one")
    same_device("collect_gradients", model=next(iter(wanted.values())), X=X, y=y)
    with _unchanged(model), torch.enable_grad():
        loss = loss_fn(model(X), y)
        if not isinstance(loss, Tensor) or loss.ndim or not loss.requires_grad:
            given = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else repr(loss)
            raise ValueError(
                f"collect_gradients: loss_fn returned {given}, expected a 0-d tensor that depends on the parameters"
            )
        gradients = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(wanted, gradients, strict=True))


def gradient_statistics(
    model: nn.Module, X: Tensor, y: Tensor, *, loss_fn: Loss = F.cross_entropy
) -> dict[str, GradientStatistics]:
    """Return mean, standard deviation and norm of the gradient of each parameter, by the parameter's name.

    Gradients that shrink from the last layer to the first are vanishing (Glorot and Bengio 2010). Arguments and
    errors are those of ``collect_gradients``.

    Examples
    --------
    >>> model, X = nn.Linear(4, 1, bias=False), torch.tensor([[0.0, 0.0, 0.0, 2.0], [0.0, 0.0, 0.0, 2.0]])
    >>> gradient_statistics(model, X, torch.zeros(2, 1), loss_fn=lambda z, y: z.sum())
    {'weight': GradientStatistics(mean=1.0, std=2.0, norm=4.0)}
    """
    gradients = collect_gradients(model, X, y, loss_fn=loss_fn)
    return {name: GradientStatistics(*_mean_and_std(g), g.norm().item()) for name, g in gradients.items()}


def saturated_fraction(activations: Tensor, *, low: float, high: float) -> float:
    """Return the share of all entries that are ``<= low`` or ``>= high``; nan where there are none.

    Examples
    --------
    >>> saturated_fraction(torch.tensor([[0.0, 0.5], [0.7, 1.0]]), low=0.01, high=0.99)
    0.5
    """
    shape("saturated_fraction", "(...)", activations=activations)
    if not low < high:
        raise ValueError(f"saturated_fraction: got low={low} and high={high}, expected low < high")
    return _share((activations <= low) | (activations >= high))


def dead_fraction(activations: Tensor) -> float:
    """Return the share of units that are exactly 0 for the whole batch; nan for a batch without entries.

    Axis 1 counts the units: the columns of ``(N, units)``, the channels of ``(N, C, H, W)``. A unit that is dead for
    one batch may wake for another; one that is dead for all data gets no gradient any more.

    Examples
    --------
    >>> dead_fraction(torch.tensor([[0.0, 0.0, 2.0], [0.0, 1.0, 0.0]]))
    0.3333333333333333
    """
    shape("dead_fraction", "(N, units, ...)", activations=activations)
    dead = (activations == 0).transpose(0, 1).flatten(1).all(1)
    return _share(dead) if activations.numel() else math.nan


def numerical_gradient(f: Callable[[Tensor], Any], x: Tensor, *, h: float = 1e-5) -> Tensor:
    r"""Return the gradient of a scalar function by central differences, :math:`(f(x + h e_i) - f(x - h e_i)) / 2h`.

    The error falls with :math:`h^2` until rounding, about :math:`10^{-16} |f| / h`, takes over.

    Parameters
    ----------
    f : callable
        Maps a float64 tensor of the shape of ``x`` to a 0-d tensor or a number. It is called twice for each entry.
    x : Tensor of any shape, of a floating-point dtype
    h : float

    Returns
    -------
    Tensor
        Shape, dtype and device of ``x``.

    Raises
    ------
    ValueError
        ``h`` is not above 0, ``x`` is not of a floating-point dtype, or ``f`` does not return one number.

    Examples
    --------
    >>> numerical_gradient(lambda x: (x**2).sum(), torch.tensor([1.0, -2.0]))
    tensor([ 2., -4.])
    """
    positive("numerical_gradient", h=h)
    # whole numbers would cut off the gradient's fraction
    floating("numerical_gradient", x=x)
    return _central_differences("numerical_gradient", f, x, h).to(x.dtype)


class GradientCheck(NamedTuple):
    r"""Relative error of a gradient, and the entry where it is furthest from central differences.

    Examples
    --------
    >>> print(GradientCheck(error=0.5, worst=(1,), given=1.0, numerical=3.0))
    relative error 0.5; furthest apart at [1]: gradient 1, central difference 3
    """

    error: float
    worst: tuple[int, ...]
    given: float
    numerical: float

    def __str__(self) -> str:
        return (
            f"relative error {self.error:.3g}; furthest apart at {list(self.worst)}: "
            f"gradient {self.given:.6g}, central difference {self.numerical:.6g}"
        )


def check_gradient(
    f: Callable[[Tensor], Any], x: Tensor, gradient: Tensor | None = None, *, h: float = 1e-5
) -> GradientCheck:
    r"""Compare a gradient with central differences: :math:`\|a - n\| / (\|a\| + \|n\|)`, 0 where both are 0.

    In float64 a right gradient of a smooth function gives 1e-7 or less, a wrong one usually more than 1e-2; a kink
    (ReLU at 0) within ``h`` of ``x`` lies between (CS231n, course notes "Neural Networks 3", gradient checks).

    Parameters
    ----------
    f : callable
        Maps a float64 tensor of the shape of ``x`` to a 0-d tensor, or to a number where ``gradient`` is given. A
        module inside must be in float64, and must not draw random numbers.
    x : Tensor of any shape, of a floating-point dtype
    gradient : Tensor of the shape of x, optional
        The gradient to check; autograd's by default.
    h : float
        Step of the differences.

    Raises
    ------
    ValueError
        ``f`` does not return one number, or no gradient is given and autograd finds none; wrong shape or
        dtype; ``x`` is empty.

    Examples
    --------
    >>> x = torch.tensor([1.0, 2.0])
    >>> check_gradient(lambda x: (x**3).sum(), x).error < 1e-9
    True
    >>> print(check_gradient(lambda x: (x**3).sum(), x, torch.tensor([3.0, 6.0])))
    relative error 0.315; furthest apart at [1]: gradient 6, central difference 12
    """
    positive("check_gradient", h=h)
    floating("check_gradient", x=x)
    if x.numel() == 0:
        raise ValueError(f"check_gradient: got x of shape {tuple(x.shape)}, expected at least one entry")
    if gradient is None:
        a = _autograd(f, x)
    else:
        shape("check_gradient", "(...)", gradient=gradient)
        same_shape("check_gradient", x=x, gradient=gradient)
        a = gradient.detach().to(x.device, torch.float64)
    n = _central_differences("check_gradient", f, x, h)
    scale = (a.norm() + n.norm()).item()
    worst = tuple(int(i) for i in torch.unravel_index((a - n).abs().argmax(), x.shape))
    error = (a - n).norm().item() / scale if scale else 0.0
    return GradientCheck(error, worst, a[worst].item(), n[worst].item())


def learning_rate_range_test(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    lrs: Sequence[float],
    *,
    loss_fn: Loss = F.cross_entropy,
    optimizer: Callable[[Iterable[Tensor]], torch.optim.Optimizer] | None = None,
) -> list[float]:
    """Return the loss before each of a row of training steps, one step at each learning rate (Smith 2017, section 3.3).

    Trains a copy in train mode. With rates that grow, the loss falls, then rises: take a rate well below the turn.

    Parameters
    ----------
    batches : iterable of (inputs, targets)
        Used in order, and started over when they end.
    lrs : sequence of float
        The learning rate of each step.
    optimizer : callable, optional
        Maps parameters, those of the copy, to an optimizer, whose ``lr`` is then set for each step; plain SGD by
        default.

    Returns
    -------
    list of float
        One loss for each rate; inf and nan are recorded, nothing raises.

    Raises
    ------
    ValueError
        A rate is negative or not finite, the batches end and cannot start over, or the optimizer is not one of the
        parameters that the callable is given.

    Examples
    --------
    >>> model, batch = nn.Linear(1, 1, bias=False), (torch.ones(1, 1), torch.zeros(1, 1))
    >>> _ = nn.init.ones_(model.weight)
    >>> learning_rate_range_test(model, [batch], [0.25, 0.5, 5.0, 0.1], loss_fn=F.mse_loss)
    [1.0, 0.25, 0.0, 0.0]
    """
    lrs = list(lrs)
    for lr in lrs:
        nonnegative("learning_rate_range_test", lr=lr)
    losses: list[float] = []
    with _same_randomness(model), torch.enable_grad():
        trained = copy.deepcopy(model).train()
        stepper = optimizer(trained.parameters()) if optimizer else torch.optim.SGD(trained.parameters(), lr=0.0)
        own = {id(p) for p in trained.parameters() if p.requires_grad}
        if not any(id(p) in own for group in stepper.param_groups for p in group["params"]):
            raise ValueError(
                "learning_rate_range_test: the optimizer holds no parameter of the copy that requires a gradient; "
                "build it from the parameters that it is given, such as optimizer=torch.optim.Adam"
            )
        supply = _endless(batches)
        for lr in lrs:
            for group in stepper.param_groups:
                group["lr"] = lr
            X, y = next(supply)
            stepper.zero_grad()
            loss = loss_fn(trained(X), y)
            loss.backward()
            losses.append(loss.item())
            stepper.step()
    return losses


def update_ratios(model: nn.Module, step: Callable[[], object]) -> dict[str, float]:
    r"""Take one optimizer step and return :math:`\|\Delta w\| / \|w\|` for each parameter that requires a gradient.

    About 1e-3 is usual for weights; much less learns slowly, much more is unstable (a rule of thumb: CS231n, course
    notes "Neural Networks 3", ratio of weights to updates). A bias that starts at 0 has ratio inf at its first step; a
    parameter that does not move has ratio 0.

    Parameters
    ----------
    step : callable
        Changes the parameters, such as ``optimizer.step``; called once, after ``loss.backward()``.

    Raises
    ------
    ValueError
        ``step`` is no function.

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> model.weight.grad = model.weight.detach().clone()
    >>> update_ratios(model, torch.optim.SGD(model.parameters(), lr=0.125).step)
    {'weight': 0.125}
    """
    if not callable(step):
        raise ValueError(
            f"update_ratios: got {step!r:.60} as step, expected a function such as optimizer.step, not called"
        )
    before = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    step()
    ratios = {}
    for name, p in model.named_parameters():
        if name in before:
            moved, size = (p.detach() - before[name]).norm().item(), before[name].norm().item()
            ratios[name] = moved / size if size else (math.inf if moved else 0.0)
    return ratios


def _run(where: str, model: nn.Module, X: Tensor) -> list[tuple[str, nn.Module, Tensor]]:
    """Name, module and output of each call of an activation module, in order."""
    shape(where, "(N, ...)", X=X)
    same_device(where, model=next(model.parameters(), X), X=X)
    seen: list[tuple[str, nn.Module, Tensor]] = []

    def record(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            calls = 1 + sum(module is other for _, other, _ in seen)
            # a copy, because the next module may work in place
            seen.append((f"{name} (call {calls})" if calls > 1 else name, module, output.detach().clone()))

        return hook

    with contextlib.ExitStack() as stack, torch.no_grad():
        stack.enter_context(_unchanged(model))
        for name, module in model.named_modules():
            if _is_activation(module):
                handle = module.register_forward_hook(record(name or type(module).__name__))
                stack.callback(handle.remove)
        model(X)
    return seen


def _is_activation(module: nn.Module) -> bool:
    inner = next(module.children(), None) or next(module.parameters(), None)
    return inner is None and not _NO_ACTIVATION.search(type(module).__name__)


def _share(mask: Tensor) -> float:
    return mask.sum().item() / mask.numel() if mask.numel() else math.nan


def _mean_and_std(values: Tensor) -> tuple[float, float]:
    wide = values.to(torch.promote_types(values.dtype, torch.float32))
    return wide.mean().item(), wide.std().item() if wide.numel() > 1 else math.nan


@contextlib.contextmanager
def _same_randomness(model: nn.Module) -> Iterator[None]:
    """Put PyTorch's random state back, on the CPU and on the model's device."""
    devices = {p.device for p in model.parameters() if p.device.type not in ("cpu", "meta")}
    kind = next((device.type for device in devices), None)
    with torch.random.fork_rng(devices=devices, device_type=kind):
        yield


@contextlib.contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    """Put modes, buffers and random state back: a forward pass in train mode moves the statistics of batch norm."""
    buffers = [(m, name, b, b.clone()) for m in model.modules() for name, b in m.named_buffers(recurse=False)]
    with keep_modes(model), _same_randomness(model):
        try:
            yield
        finally:
            with torch.no_grad():
                for module, name, buffer, values in buffers:
                    setattr(module, name, buffer.copy_(values))


def _number(where: str, value: Any) -> float:
    if isinstance(value, Tensor):
        if value.ndim:
            raise ValueError(f"{where}: f returned a tensor of shape {tuple(value.shape)}, expected a 0-d tensor")
        return value.item()
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{where}: f returned {value!r:.60}, expected a 0-d tensor or a number") from None


def _central_differences(where: str, f: Callable[[Tensor], Any], x: Tensor, h: float) -> Tensor:
    point = x.detach().to(torch.float64)
    gradient = torch.zeros_like(point, memory_format=torch.contiguous_format)
    for i in range(point.numel()):
        values = []
        for step in (h, -h):
            # a copy for each call, so that f may keep or change what it is given
            moved = point.clone(memory_format=torch.contiguous_format)
            moved.view(-1)[i] += step
            values.append(_number(where, f(moved)))
        gradient.view(-1)[i] = (values[0] - values[1]) / (2 * h)
    return gradient


def _autograd(f: Callable[[Tensor], Any], x: Tensor) -> Tensor:
    with torch.enable_grad():
        point = x.detach().to(torch.float64).clone().requires_grad_()
        value = f(point)
        _number("check_gradient", value)
        if not (isinstance(value, Tensor) and value.requires_grad):
            raise ValueError("check_gradient: autograd finds no way from f(x) back to x; pass the gradient to check")
        return torch.autograd.grad(value, point, materialize_grads=True)[0]


def _endless(batches: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    while True:
        count = 0
        for batch in batches:
            count += 1
            yield batch
        if count == 0:
            raise ValueError(
                "learning_rate_range_test: the batches have ended, expected one for each rate or a list to start over"
            )
