"""What runs beside the student's code for lab 03: builds models and lends functions, and returns plain data.

The first argument ``student`` maps the student's names to their objects. No probe judges or knows an expected value.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

Student = Mapping[str, Any]
Layer = tuple[str, Sequence[Any]]  # (name of a class of torch.nn, its arguments)


def use(
    student: Student,
    name: str,
    *arguments: Any,
    transposed: bool = False,
    lent: Mapping[str, str] | None = None,
    **settings: float,
) -> dict[str, Any]:
    """Return the result of a function, of a second call with the same arguments, and these afterwards.

    ``fresh`` is the result for other tensors, ``later`` what the first result is by then, and ``edited`` the result
    when the first tensors have been changed to the others in place. With ``transposed`` no tensor with two axes or more
    is contiguous. ``lent`` maps names to source, see ``lend``.
    """
    given = [_like(value, transposed) if isinstance(value, Tensor) else value for value in arguments]
    tensors = [value for value in given if isinstance(value, Tensor)]
    with lend(student, lent or {}):
        first = student[name](*given, **settings)
        outcome = {"first": _kept(first), "again": _kept(student[name](*given, **settings))}
        outcome |= {"arguments": [*map(_kept, given)], "requires_grad": any(x.requires_grad for x in tensors)}
        others = [_kept(x) + 1 if isinstance(x, Tensor) else x for x in given]
        outcome |= {"fresh": _kept(student[name](*others, **settings)), "later": _kept(first)}
        with torch.no_grad():
            for x in tensors:
                x += 1
        outcome["edited"] = _kept(student[name](*given, **settings))
    return outcome


def slope(student: Student, name: str, z: Tensor, **settings: float) -> Tensor | None:
    """Return what autograd finds for the slope of a function at z; None where the result carries no gradient."""
    leaf = z.clone().requires_grad_()
    values = student[name](leaf, **settings)
    if not (isinstance(values, Tensor) and values.requires_grad):
        return None
    return torch.autograd.grad(values.sum(), leaf, allow_unused=True, materialize_grads=True)[0]


def unknown(student: Student, name: str, z: Tensor, lent: Mapping[str, str]) -> tuple[bool, str, str]:
    """Return for the gradient of an activation whether it raised a ValueError, what it raised, and with which text."""
    with lend(student, lent):
        try:
            student["activation_gradient"](name, z)
        except NotImplementedError:
            raise
        except Exception as error:
            return isinstance(error, ValueError), type(error).__name__, str(error)
    return False, "", ""


def build(layers: Sequence[Layer], state: Mapping[str, Tensor], dtype: torch.dtype) -> nn.Sequential:
    """Return a net with these weights, in eval mode."""
    model = net(layers).to(dtype).eval()
    model.load_state_dict(dict(state))
    return model


def net(layers: Sequence[Layer]) -> nn.Sequential:
    """Return a net; a layer of the kind Sequential holds layers."""
    return nn.Sequential(*(net(a) if kind == "Sequential" else getattr(nn, kind)(*a) for kind, a in layers))


def seed() -> None:
    """Begin the random numbers that Dropout draws, somewhere after a seed."""
    torch.manual_seed(20)
    torch.rand(1)


def gradient_norms(
    student: Student,
    layers: Sequence[Layer],
    state: Mapping[str, Tensor],
    X: Tensor,
    y: Tensor,
    *,
    old: Sequence[Tensor | None] = (),
    train: Sequence[int] = (),
    needed: bool = False,
) -> dict[str, Any]:
    """Return the norms, once more, and what became of everything; ``needed``: X requires a gradient and has one.

    ``old`` holds a .grad for each parameter; ``train`` lists the layers in train mode, -1 is the model itself.
    """
    model = build(layers, state, X.dtype)
    if needed:
        X = X.clone().requires_grad_()
        X.grad = torch.ones_like(X)
    for p, gradient in zip(model.parameters(), old, strict=False):
        p.grad = None if gradient is None else gradient.clone()
    for number in train:
        (model if number < 0 else model[number]).training = True
    modes = [module.training for module in model.modules()]
    flags, hooks = _flags(model, X), _hooks(model, X)
    seed()
    random = torch.get_rng_state()
    first = student["gradient_norms"](model, X, y)
    kept = _kept(first)
    same_random = torch.equal(torch.get_rng_state(), random)
    again = _kept(student["gradient_norms"](model, X, y))
    student["gradient_norms"](model, X.detach() + 1, y)
    return {
        "first": kept,
        "again": again,
        "later": first,
        "grads": [None if p.grad is None else p.grad.detach().clone() for p in model.parameters()],
        "modes": [module.training for module in model.modules()] == modes,
        "random": same_random,
        "X_grad": X.grad is None if not needed else X.grad is not None and bool((X.grad == 1).all()),
        "requires_grad": _flags(model, X) == flags,
        "hooks": _hooks(model, X) == hooks,
        "state": {name: value.detach().clone() for name, value in model.state_dict().items()},
        "arguments": [X.detach(), y],
    }


@contextmanager
def lend(student: Student, sources: Mapping[str, str]) -> Iterator[None]:
    """Put functions of other questions in place of the student's own for the time of the block.

    ``sources`` maps their names to their source. They come with the request of a question that may call them, and a
    reference to one that is kept raises when the block has ended: no question can keep another's answer.
    """
    names = student._namespace  # type: ignore[attr-defined]
    lent: dict[str, Any] = {"torch": torch, "Tensor": Tensor, "math": math}
    for source in set(sources.values()):
        exec(source, lent)

    def call(name: str) -> Callable[..., Any]:
        def borrowed(*args: Any, **kwargs: Any) -> Any:
            if name not in lent:
                raise RuntimeError(f"this {name} was lent to another question; write your own")
            return lent[name](*args, **kwargs)

        return borrowed

    own = {name: names[name] for name in sources if name in names}
    names.update({name: call(name) for name in sources})
    try:
        yield
    finally:
        lent.clear()
        for name in sources:
            names.pop(name, None)
        names.update(own)


def _like(values: Tensor, transposed: bool) -> Tensor:
    """Return a copy; the transpose of a contiguous copy, which is itself not contiguous, where asked."""
    if transposed and values.ndim >= 2:
        return values.transpose(0, 1).contiguous().transpose(0, 1)
    return values.clone()


def _kept(value: Any) -> Any:
    """Return a copy of a tensor or a list, which stays as it is."""
    if isinstance(value, list):
        return list(value)
    return value.detach().clone() if isinstance(value, Tensor) else value


def _flags(model: nn.Module, X: Tensor) -> list[bool]:
    return [value.requires_grad for value in (*model.parameters(), X)]


def _hooks(model: nn.Module, X: Tensor) -> int:
    """Return how many hooks hang on the modules, the parameters and X."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    kinds += ("_post_accumulate_grad_hooks",)
    holders = (*model.modules(), *model.parameters(), X)
    return sum(len(getattr(holder, kind, None) or ()) for holder in holders for kind in kinds)
