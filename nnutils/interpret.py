r"""Look inside a trained network: what a unit responds to, what the first layer sees, what a layer knows.

The contract that all functions share: the network is only looked at. Weights, buffers, ``requires_grad`` flags, every
``.grad``, modes and hooks are afterwards what they were, also when the model raises; the forward passes run in
evaluation mode. A layer is a module of the model or its name in ``model.named_modules()``; where the forward pass calls
it several times, the last call counts.
"""

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from nnutils.arguments import class_indices, floating, nonnegative, one_of, positive, same_device, whole
from nnutils.arguments import shape as check_shape
from nnutils.train import keep_modes

__all__ = ["features", "first_layer_filters", "linear_probe", "maximize_activation"]

Layer = nn.Module | str
Index = int | tuple[int, ...]


def maximize_activation(
    model: nn.Module,
    unit: Index | tuple[Layer, Index],
    *,
    shape: Sequence[int] | None = None,
    start: Tensor | None = None,
    steps: int = 200,
    lr: float = 0.1,
    l2: float = 0.5,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""Return an input that makes one unit respond strongly, found by gradient ascent on the input.

    Each of ``steps`` steps is :math:`x \leftarrow x + \eta \, \nabla_x \left(a(x) - \lambda \|x\|^2\right)`, with
    :math:`a` the unit's activation, :math:`\eta` = ``lr`` and :math:`\lambda` = ``l2`` (Erhan et al. 2009; with the
    penalty Simonyan et al. 2014, section 2). The weights are frozen: it is the input that learns. Without the penalty
    the input of a network of ReLUs grows for ever. Steps with :math:`\eta \lambda` above 1 overshoot without end.

    Parameters
    ----------
    unit : index, or (layer, index)
        An entry of the network's output, or of a layer's. An int names a column of ``(N, units)`` or a channel of
        ``(N, C, H, W)``, whose mean is then maximized; a tuple names one entry, such as ``(c, y, x)``.
    shape : sequence of int
        Shape of one input, without the batch axis; the ascent starts from small noise.
    start : Tensor
        Start from this input, in place of ``shape``.
    steps : int
    lr, l2 : float
    generator : torch.Generator, optional
        Draws the noise.

    Returns
    -------
    Tensor
        Of the shape of one input, on the model's device.

    Raises
    ------
    ValueError
        Not exactly one of ``shape`` and ``start``, an unknown layer or index, or a rate, penalty or number of steps
        out of range.

    Examples
    --------
    >>> model = nn.Linear(2, 1, bias=False)
    >>> _ = model.weight.data.copy_(torch.tensor([[1.0, -2.0]]))
    >>> maximize_activation(model, 0, start=torch.zeros(2), steps=50, lr=0.5, l2=0.5).round(decimals=3)
    tensor([ 1., -2.])
    """
    if (shape is None) == (start is None):
        raise ValueError(
            "maximize_activation: expected one of shape and start, got " + ("both" if start is not None else "neither")
        )
    whole("maximize_activation", 0, steps=steps)
    positive("maximize_activation", lr=lr)
    nonnegative("maximize_activation", l2=l2)
    layer, index = _split(model, unit)
    like = next(model.parameters(), torch.zeros(()))
    if start is None:
        noise = torch.randn(tuple(shape or ()), generator=generator, device=generator.device if generator else None)
        image = 0.01 * noise.to(like.device, like.dtype)
    else:
        floating("maximize_activation", start=start)
        image = start.detach().clone().to(like.device, like.dtype)
    with _watching("maximize_activation", model, layer) as output, torch.enable_grad():
        for _ in range(steps):
            image.requires_grad_()
            objective = _entry(output(image[None])[0], index) - l2 * image.square().sum()
            # with respect to the image alone: the weights get no gradient
            (gradient,) = torch.autograd.grad(objective, image)
            image = (image + lr * gradient).detach()
    return image


def first_layer_filters(model: nn.Module, image_shape: Sequence[int] | None = None) -> Tensor:
    """Return the weights of the first ``nn.Linear`` or ``nn.Conv2d`` as images, a copy of shape ``(units, H, W)``.

    The image of a linear unit is the input, up to scale, to which it responds most. A convolution with several input
    channels gives one image for each pair of output and input channel.

    Parameters
    ----------
    image_shape : (H, W), optional
        Shape of the images that the linear layer sees flattened; a convolution has its own.

    Raises
    ------
    ValueError
        The model has no such layer, or the layer's inputs are no image of this shape.

    Examples
    --------
    >>> first_layer_filters(nn.Sequential(nn.Flatten(), nn.Linear(12, 5)), (3, 4)).shape
    torch.Size([5, 3, 4])
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            return layer.weight.detach().flatten(0, 1).clone()
        if isinstance(layer, nn.Linear):
            if image_shape is None or len(image_shape) != 2 or math.prod(image_shape) != layer.in_features:
                raise ValueError(
                    f"first_layer_filters: got image_shape={image_shape} for a layer of {layer.in_features} inputs, "
                    f"expected (H, W) with H x W = {layer.in_features}"
                )
            return layer.weight.detach().reshape(-1, *image_shape).clone()
    raise ValueError("first_layer_filters: the model has no nn.Linear and no nn.Conv2d, expected one of them")


def features(model: nn.Module, X: Tensor, *, layer: Layer, batch_size: int = 1000) -> Tensor:
    """Return what a layer puts out for all rows of ``X``, shape ``(N, ...)``, without gradient.

    Raises
    ------
    ValueError
        The layer is no module of the model, or the forward pass does not call it; ``X`` is no tensor with rows, or
        lies on another device than the model.

    Examples
    --------
    >>> model = nn.Sequential(nn.ReLU(), nn.Linear(2, 3))
    >>> features(model, torch.tensor([[-1.0, 2.0]]), layer="0")
    tensor([[0., 2.]])
    """
    whole("features", 1, batch_size=batch_size)
    check_shape("features", "(N, ...)", X=X)
    same_device("features", model=next(model.parameters(), X), X=X)
    with _watching("features", model, layer) as output, torch.no_grad():
        return torch.cat([output(rows) for rows in X.split(batch_size)])


def linear_probe(
    features: Tensor, y: Tensor, *, validation: tuple[Tensor, Tensor], C: float = 1.0, max_iter: int = 1000
) -> float:
    """Return the validation accuracy of a linear classifier on frozen features (Alain and Bengio 2016).

    How well a linear classifier does on a layer's output says what the layer has made easy to read off, not what the
    network uses. The classifier is scikit-learn's logistic regression on features standardized by the statistics of
    the training part.

    Parameters
    ----------
    features : Tensor of shape (N, D, ...)
        What a layer puts out for the training part, see ``features``; further axes are flattened.
    y : Tensor of shape (N,), int64
    validation : (features, y)
        Features and targets that the accuracy is measured on.
    C : float
        Inverse strength of the L2 penalty.
    max_iter : int
        Limit of the solver's iterations.

    Raises
    ------
    ValueError
        Features and targets that do not go together, are of no rows or not finite, or fewer than two classes.

    Examples
    --------
    >>> X, y = torch.tensor([[0.0], [0.2], [0.8], [1.0]]), torch.tensor([0, 0, 1, 1])
    >>> linear_probe(X, y, validation=(X, y))
    1.0
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    positive("linear_probe", C=C)
    whole("linear_probe", 1, max_iter=max_iter)
    for X, targets in ((features, y), validation):
        check_shape("linear_probe", "(N, D, ...)", features=X)
        check_shape("linear_probe", "(N,)", y=targets)
        if len(X) != len(targets) or len(X) == 0:
            raise ValueError(
                f"linear_probe: got {len(X)} rows of features and {len(targets)} targets, expected as many of both, "
                "at least one"
            )
        if X.shape[1:] != features.shape[1:]:
            raise ValueError(
                f"linear_probe: got features of shape {tuple(features.shape)} and, for validation, {tuple(X.shape)}, "
                "expected rows of one shape"
            )
        class_indices("linear_probe", targets, classes=int(targets.max()) + 1)
        if not bool(X.isfinite().all()):
            raise ValueError("linear_probe: got features that are inf or nan, expected finite numbers")
    if len(y.unique()) < 2:
        raise ValueError("linear_probe: got targets of one class, expected at least two classes")
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=max_iter))
    probe.fit(_rows(features), y.cpu().numpy())
    return float(probe.score(_rows(validation[0]), validation[1].cpu().numpy()))


def _rows(X: Tensor) -> np.ndarray:
    return X.detach().flatten(1).to(torch.promote_types(X.dtype, torch.float32)).cpu().numpy()


def _split(model: nn.Module, unit: Index | tuple[Layer, Index]) -> tuple[Layer, Index]:
    if isinstance(unit, tuple) and len(unit) == 2 and isinstance(unit[0], str | nn.Module):
        return unit  # type: ignore[return-value]
    return model, unit  # type: ignore[return-value]


def _entry(output: Tensor, index: Index) -> Tensor:
    # None, True and lists index a tensor too, and would mean the whole output
    misleading = any(i is None or isinstance(i, bool | list) for i in (index if isinstance(index, tuple) else (index,)))
    try:
        if misleading:
            raise IndexError
        return output[index].mean()
    except IndexError:
        raise ValueError(
            f"maximize_activation: got unit {index}, expected an index into an output of shape {tuple(output.shape)}"
        ) from None


@contextlib.contextmanager
def _watching(where: str, model: nn.Module, layer: Layer) -> Iterator[Callable[[Tensor], Tensor]]:
    """Give a function from a batch of inputs to what the layer puts out for it, in evaluation mode."""
    if isinstance(layer, str):
        layer = model.get_submodule(one_of(where, layer, [name for name, _ in model.named_modules() if name]))
    elif all(layer is not module for module in model.modules()):
        raise ValueError(
            f"{where}: got a {type(layer).__name__} that is no part of the model, expected one of its modules"
        )
    seen: list[Tensor] = []

    def output(X: Tensor) -> Tensor:
        seen.clear()
        model(X)
        if not seen:
            raise ValueError(
                f"{where}: the forward pass of the model does not call this layer, expected one that it calls"
            )
        return seen[-1]

    # a copy, because the next module may work in place
    handle = layer.register_forward_hook(lambda module, inputs, result: seen.append(result.clone()))
    try:
        with keep_modes(model):
            model.eval()
            yield output
    finally:
        handle.remove()
