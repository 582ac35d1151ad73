"""What runs beside the student's code for lab 06: builds layers, models and generators, and returns plain data.

The first argument ``student`` maps the student's names to their objects. No probe judges or knows an expected value.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

Student = Mapping[str, Any]


def penalty(
    student: Student, name: str, tensors: Sequence[Tensor], *, container: str = "generator", frozen: int = 0
) -> dict[str, Any]:
    """Return a penalty, a second time, the gradient of each tensor, and these afterwards; the first few are frozen."""
    given = [_like(t).requires_grad_(i >= frozen) for i, t in enumerate(tensors)]
    first = student[name](_hand_over(given, container))
    again = student[name](_hand_over(given, container))
    flows = isinstance(first, Tensor) and first.requires_grad
    if flows:
        first.sum().backward()
    return {"first": first, "again": again, "flows": flows, "gradients": [t.grad for t in given], "tensors": given}


def drop(
    student: Student, x: Tensor, modes: Sequence[bool], *, inside: bool = False, layers: int = 1, **hyper: float
) -> dict[str, Any]:
    """Return what dropout makes of x in each of the modes, one after the other; each layer has its own outputs.

    With ``inside`` the layer lies in a model, whose mode is set.
    """
    made = [student["Dropout"](**hyper) for _ in range(layers)]
    if not all(isinstance(layer, nn.Module) for layer in made):
        return {"is_module": False}
    if not all("_modules" in vars(layer) for layer in made):
        return {"is_module": True, "is_set_up": False}
    given, outputs = _like(x), []
    for layer in made:
        holder = nn.Sequential(layer) if inside else layer
        outputs += [holder.train(mode)(given) for mode in modes]
    return {"is_module": True, "is_set_up": True, "outputs": outputs, "x": given}


def drop_gradient(student: Student, x: Tensor, grad_out: Tensor, training: bool, **hyper: float) -> dict[str, Any]:
    """Return dropout's output, whether gradients flow through it, and the gradient of ``(out * grad_out).sum()``."""
    leaf = x.clone().requires_grad_()
    out = student["Dropout"](**hyper).train(training)(leaf)
    flows = isinstance(out, Tensor) and out.requires_grad
    if flows:
        (out * grad_out).sum().backward()
    return {"out": out, "flows": flows, "grad": leaf.grad}


def drop_seeded(student: Student, x: Tensor, seeds: Sequence[int], **hyper: float) -> list[Tensor]:
    """Return the output of a new layer in training mode for each seed of the global generator."""
    outputs = []
    for seed in seeds:
        torch.manual_seed(seed)
        outputs.append(student["Dropout"](**hyper).train()(_like(x)))
    return outputs


def raised(student: Student, name: str, arguments: Sequence[Sequence[Any]], seed: int | None = None) -> list[str]:
    """Return the name of the error that each call raises, empty where none; with a seed a generator comes last."""
    names = []
    for given in arguments:
        generator = [] if seed is None else [torch.Generator().manual_seed(seed)]
        try:
            student[name](*given, *generator)
            names.append("")
        except Exception as error:
            names.append("ValueError" if isinstance(error, ValueError) else type(error).__name__)
    return names


def net() -> nn.Sequential:
    """Return a small model with running statistics, its parts in different modes."""
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1))
    model.train()
    model[1].eval()
    return model


def stopping(
    student: Student, scripts: Sequence[Sequence[float]], *, elsewhere: bool = False, **hyper: float
) -> list[dict[str, Any]]:
    """Drive one stopper for each script of values by turns, each with a model that holds the number of the call.

    Returns for each what ``update`` said, and all entries of the model after each of three calls of ``restore``: the
    model is changed before each, and before the last comes an update without improvement. With ``elsewhere`` the
    weights are restored into another model of the same kind.
    """
    stoppers = [student["EarlyStopping"](**hyper) for _ in scripts]
    models, told = [net() for _ in scripts], [[] for _ in scripts]
    changed = False
    for step in range(max(map(len, scripts))):
        for script, stopper, model, said in zip(scripts, stoppers, models, told, strict=True):
            if step < len(script):
                _fill(model, step)
                said.append(stopper.update(script[step], model))
                changed |= any(bool((entry != STEP * step).any()) for entry in model.state_dict().values())
    results = []
    for stopper, own, said in zip(stoppers, models, told, strict=True):
        model = net() if elsewhere else own
        before, modes, restored = list(model.parameters()), [m.training for m in model.modules()], []
        for turn in range(3):
            _fill(model, 77)
            if turn == 2:
                stopper.update(float("inf"), model)
            stopper.restore(model)
            restored.append({key: entry.double() / STEP for key, entry in model.state_dict().items()})
        results.append(
            {
                "told": said,
                "restored": restored,
                "changed": changed,
                "same_objects": all(w is old for w, old in zip(model.parameters(), before, strict=True)),
                "same_modes": modes == [m.training for m in model.modules()],
                "all_train": all(w.requires_grad for w in model.parameters()),
            }
        )
    return results


def draws(
    student: Student,
    name: str,
    arguments: Sequence[Any],
    seeds: Iterable[int | None],
    *,
    transposed: bool = False,
) -> dict[str, Any]:
    """Call a function once for each seed of its generator (None: go on with the last one), and return all results.

    The global generator is seeded otherwise before each call. With ``transposed`` no tensor of two axes or more is
    contiguous. ``arguments`` come back as they are afterwards.
    """
    given = [_like(value, transposed) if isinstance(value, Tensor) else value for value in arguments]
    results, generator = [], torch.Generator()
    for number, seed in enumerate(seeds):
        torch.manual_seed(1000 + number)
        if seed is not None:
            generator = torch.Generator().manual_seed(seed)
        results.append(student[name](*given, generator))
    return {"results": results, "arguments": given}


def minimize_gap(
    student: Student, train: Sequence[Tensor], val: Sequence[Tensor], new: Sequence[Tensor], seed: int
) -> dict[str, Any]:
    """Train once; return the model's modes, its logits for each of the new inputs, and the data afterwards."""
    given = [t.clone() for t in (*train, *val)]
    model = student["minimize_gap"](*given, torch.Generator().manual_seed(seed))
    if not isinstance(model, nn.Module):
        return {"type": type(model).__name__}
    modes = [module.training for module in model.modules()]
    with torch.no_grad():
        logits = [model(X) for X in new]
    return {"type": "", "modes": modes, "logits": logits, "given": given}


STEP = 4099
"""What the weights grow by from call to call: 13 bits, so that a copy in float16 would be rounded."""


def _fill(model: nn.Module, number: int) -> None:
    with torch.no_grad():
        for entry in model.state_dict().values():
            entry.fill_(STEP * number)


def _like(values: Tensor, transposed: bool = False) -> Tensor:
    """Return a copy; the transpose of a contiguous copy, which is itself not contiguous, where asked."""
    if transposed and values.ndim >= 2:
        return values.transpose(0, -1).contiguous().transpose(0, -1)
    return values.clone()


def _hand_over(tensors: list[Tensor], container: str) -> Iterable[Tensor]:
    if container == "dictionary":
        return dict(enumerate(tensors)).values()
    return {"list": tensors, "tuple": tuple(tensors), "generator": (t for t in tensors)}[container]
