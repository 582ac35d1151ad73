"""What runs beside the student's code for lab 05: builds parameters, models and batches, and returns plain data.

The first argument ``student`` maps the student's names to their objects. No probe judges or knows an expected value.
"""

import gc
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Student = Mapping[str, Any]
Gradients = Sequence[Tensor | None]  # for each parameter its gradients at all steps, (steps, *shape), or None


def walk(
    student: Student,
    name: str,
    start: Sequence[Tensor],
    gradients: Gradients,
    *,
    rates: Sequence[float] | None = None,
    container: str = "list",
    reuse_grad: bool = False,
    transposed: bool = False,
    late: int = 0,
    **hyper: Any,
) -> list[Tensor]:
    """Return for each parameter its values after each step, shape ``(steps, *shape)``.

    The first parameter has no gradient in the first ``late`` steps.
    """
    params = [_leaf(w, transposed) for w in start]
    optimizer = student[name](_hand_over(params, container), **hyper)
    path: list[list[Tensor]] = [[] for _ in params]
    for step in range(max(len(each) for each in gradients if each is not None)):
        if rates is not None:
            optimizer.lr = rates[step]
        for i, (w, each) in enumerate(zip(params, gradients, strict=True)):
            if each is None or (i == 0 and step < late):
                w.grad = None
            elif reuse_grad and w.grad is not None:
                w.grad.copy_(_like(each[step], transposed))
            else:
                w.grad = _like(each[step], transposed)
        optimizer.step()
        for values, w in zip(path, params, strict=True):
            values.append((w.T if transposed else w).detach().clone())
    return [torch.stack(values) for values in path]


def two_instances(
    student: Student, name: str, starts: Sequence[Tensor], gradients: Sequence[Tensor], **hyper: Any
) -> dict[str, Any]:
    """Return the path of the first parameter by one instance, again by a second one, and of both driven by turns."""
    first, again = (walk(student, name, starts[:1], gradients[:1], **hyper) for _ in range(2))
    params = [_leaf(w) for w in starts]
    optimizers = [student[name]([w], **hyper) for w in params]
    path: list[list[Tensor]] = [[] for _ in params]
    for step_gradients in zip(*gradients, strict=True):
        for w, grad, optimizer, values in zip(params, step_gradients, optimizers, path, strict=True):
            w.grad = grad.clone()
            optimizer.step()
            values.append(w.detach().clone())
    return {"first": first[0], "again": again[0], "by_turns": [torch.stack(values) for values in path]}


def successors(student: Student, name: str, start: Tensor, gradients: Sequence[Tensor], **hyper: Any) -> Tensor:
    """Return the path of one parameter; each entry of ``gradients`` is walked by a new instance."""
    w = _leaf(start)
    path = []
    for turn in gradients:
        optimizer = student[name]([w], **hyper)
        for grad in turn:
            w.grad = grad.clone()
            optimizer.step()
            path.append(w.detach().clone())
    return torch.stack(path)


def graph_kept(student: Student, name: str, start: Tensor, gradients: Tensor, **hyper: Any) -> bool:
    """Say whether a tensor that is alive after some steps holds on to an autograd graph."""
    gc.freeze()  # what is here already is not looked at
    try:
        w = _leaf(start)
        optimizer = student[name]([w], **hyper)
        for grad in gradients:
            w.grad = grad.clone()
            optimizer.step()
        return any(issubclass(type(it), Tensor) and it.grad_fn is not None for it in gc.get_objects())
    finally:
        gc.unfreeze()


def descend(student: Student, name: str, start: Tensor, curvature: Tensor, steps: int, **hyper: Any) -> Tensor:
    """Minimize ``sum(curvature * w^2) / 2`` with zero_grad, backward and step; return w after each step."""
    w = _leaf(start)
    optimizer = student[name]([w], **hyper)
    path = []
    for _ in range(steps):
        optimizer.zero_grad()
        (curvature * w**2).sum().div(2).backward()
        optimizer.step()
        path.append(w.detach().clone())
    return torch.stack(path)


def zero_grad(student: Student, name: str, gradients: Sequence[Tensor | None], **hyper: Any) -> list[Tensor | None]:
    """Return the gradients of parameters as ``zero_grad`` leaves them."""
    params = [torch.zeros(2 if grad is None else grad.shape, requires_grad=True) for grad in gradients]
    optimizer = student[name](_hand_over(params, "generator"), **hyper)
    for w, grad in zip(params, gradients, strict=True):
        w.grad = None if grad is None else grad.clone()
    optimizer.zero_grad()
    return [w.grad for w in params]


def gradients_after_step(
    student: Student, name: str, start: Sequence[Tensor], gradients: Sequence[Tensor], **hyper: Any
) -> list[Tensor | None]:
    """Return the gradients of parameters as two steps leave them."""
    params = [_leaf(w) for w in start]
    optimizer = student[name](list(params), **hyper)
    for w, grad in zip(params, gradients, strict=True):
        w.grad = grad.clone()
    optimizer.step()
    optimizer.step()
    return [w.grad for w in params]


def read_lr(student: Student, name: str, lr: float) -> Any:
    """Return the attribute ``lr`` of a new instance."""
    return student[name]([torch.zeros(2, requires_grad=True)], lr=lr).lr


def clip(
    student: Student,
    gradients: Sequence[Tensor | None],
    max_norm: float,
    *,
    container: str = "list",
    transposed: bool = False,
) -> dict[str, Any]:
    """Clip the gradients of zero parameters; return the result and what became of gradients and parameters."""
    params = []
    for grad in gradients:
        w = _leaf(torch.zeros(2) if grad is None else torch.zeros_like(grad), transposed)
        w.grad = None if grad is None else _like(grad, transposed)
        params.append(w)
    before = [w.grad for w in params]
    result = student["clip_grad_norm"](_hand_over(params, container), max_norm=max_norm)
    return {
        "result": result,
        "gradients": [None if w.grad is None else (w.grad.T if transposed else w.grad) for w in params],
        "same_objects": [w.grad is grad for w, grad in zip(params, before, strict=True)],
        "parameters_moved": any(bool(w.any()) for w in params),
    }


def table(student: Student, name: str, steps: Sequence[int], **hyper: Any) -> list[Any]:
    """Return a schedule's value at each of the steps, asked for in the given order."""
    return [student[name](t, **hyper) for t in steps]


def build(layers: Sequence[str], weights: Sequence[Tensor], modes: Mapping[str, bool] | None = None) -> nn.Sequential:
    """Return a model of "linear" (takes two tensors: weight, bias), "batchnorm", "relu" and "dropout" layers."""
    supply = iter(weights)
    model = nn.Sequential()
    for layer in layers:
        if layer == "linear":
            weight, bias = next(supply), next(supply)
            dense = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
            dense.load_state_dict({"weight": weight, "bias": bias})
            model.append(dense)
            width = weight.shape[0]
        elif layer == "batchnorm":
            model.append(nn.BatchNorm1d(width, dtype=weight.dtype))
        else:
            model.append({"relu": nn.ReLU, "dropout": nn.Dropout}[layer]())
    for module_name, module in model.named_modules():
        module.training = True if modes is None else modes[module_name]
    return model


def range_test(
    student: Student,
    layers: Sequence[str],
    weights: Sequence[Tensor],
    batches: Sequence[tuple[Tensor, Tensor]],
    rates: Sequence[float],
    *,
    modes: Mapping[str, bool] | None = None,
    one_shot: bool = False,
    stale_gradients: bool = False,
    frozen: Sequence[str] = (),
) -> dict[str, Any]:
    """Run the student's range test; return losses, state and modes afterwards and the mode of each forward pass.

    The parameters named in ``frozen`` do not require a gradient.
    """
    modes_seen: list[bool] = []

    class Witness(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            modes_seen.append(self.training)
            return x

    model = build(layers, weights, modes)
    witness = Witness()
    witness.training = model.training
    model.append(witness)
    if stale_gradients:
        for w in model.parameters():
            w.grad = torch.ones_like(w)
    mode_before = {name: module.training for name, module in model.named_modules()}
    parameters = dict(model.named_parameters())
    for parameter_name in frozen:
        parameters[parameter_name].requires_grad_(False)
    given = [(X.clone(), y.clone()) for X, y in batches]
    losses = student["learning_rate_range_test"](model, iter(given) if one_shot else given, list(rates))
    return {
        "losses": losses,
        "state": dict(model.state_dict()),
        "modes_before": mode_before,
        "modes_after": {name: module.training for name, module in model.named_modules()},
        "modes_seen": modes_seen,
        "same_parameters": [parameters.get(name) is w for name, w in model.named_parameters()],
        "frozen": [name for name, w in model.named_parameters() if not w.requires_grad],
    }


def _leaf(values: Tensor, transposed: bool = False) -> Tensor:
    return _like(values, transposed).requires_grad_()


def _like(values: Tensor, transposed: bool) -> Tensor:
    """Return a copy; the transpose of a contiguous copy where asked, which is itself not contiguous."""
    return values.T.clone(memory_format=torch.preserve_format) if transposed else values.clone()


def _hand_over(params: list[Tensor], container: str) -> Iterable[Tensor]:
    return (w for w in params) if container == "generator" else params
