r"""What narrows the gap between training and new data: penalties, dropout, early stopping, changed images.

The contract that all share: inputs stay as they are, results lie on the input's device and have its dtype. What is
drawn at random is drawn for each sample by itself, by ``generator`` where one is given (it may live on the CPU while
the data is elsewhere), else by PyTorch's global one. Images are ``(N, H, W)``.
"""

import copy
import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from nnutils.arguments import floating, nonnegative, positive, probability, same_device, shape, whole

__all__ = [
    "Dropout",
    "EarlyStopping",
    "cutout",
    "dropout",
    "l1_penalty",
    "l2_penalty",
    "mixup",
    "random_flip",
    "random_shift",
]


def l1_penalty(parameters: Iterable[Tensor]) -> Tensor:
    r"""Return the sum of absolute values :math:`\sum_i |w_i|` over all tensors, 0-d, differentiable (Tibshirani 1996).

    Examples
    --------
    >>> l1_penalty([torch.tensor([1.0, -2.0]), torch.tensor([[3.0]])])
    tensor(6.)
    """
    return torch.stack([w.abs().sum() for w in _tensors("l1_penalty", parameters)]).sum()


def l2_penalty(parameters: Iterable[Tensor]) -> Tensor:
    r"""Return the sum of squares :math:`\sum_i w_i^2` over all tensors, 0-d, differentiable (Hoerl and Kennard 1970).

    Without a factor 1/2: ``lam * l2_penalty(parameters)`` in the loss is ``weight_decay=2 * lam`` in an optimizer.

    Examples
    --------
    >>> l2_penalty([torch.tensor([1.0, -2.0]), torch.tensor([[3.0]])])
    tensor(14.)
    """
    return torch.stack([(w**2).sum() for w in _tensors("l2_penalty", parameters)]).sum()


def dropout(x: Tensor, p: float = 0.5, *, training: bool = True, generator: torch.Generator | None = None) -> Tensor:
    r"""Return ``x`` with each entry set to 0 with probability ``p`` and the others times :math:`1/(1-p)`.

    Inverted dropout: the expectation of the result is ``x``, so that nothing is scaled when the network is used
    (Srivastava et al. 2014, section 10; their p is the probability to keep). With ``training=False`` it is ``x``
    itself; with ``p=1`` all zeros.

    Raises
    ------
    ValueError
        ``p`` outside [0, 1].

    Examples
    --------
    >>> generator = torch.Generator().manual_seed(0)
    >>> dropout(torch.ones(6), 0.5, generator=generator)
    tensor([0., 2., 0., 0., 0., 2.])
    """
    floating("dropout", x=x)
    probability("dropout", p=p)
    if not training or p == 0:
        return x
    kept = _rand(x.shape, x, generator) >= p
    return torch.where(kept, x / (1 - p) if p < 1 else x, 0.0)


class Dropout(nn.Module):
    """Inverted dropout as a layer: active in training mode, the identity in evaluation mode.

    Raises
    ------
    ValueError
        ``p`` outside [0, 1].

    Examples
    --------
    >>> Dropout(0.3).eval()(torch.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, *, generator: torch.Generator | None = None) -> None:
        super().__init__()
        probability("Dropout", p=p)
        self.p, self.generator = p, generator

    def forward(self, x: Tensor) -> Tensor:
        """Return ``dropout(x)`` in training mode, ``x`` in evaluation mode."""
        return dropout(x, self.p, training=self.training, generator=self.generator)

    def extra_repr(self) -> str:
        """Return what ``print(model)`` shows."""
        return f"p={self.p}"


class EarlyStopping:
    """Say when a value has not improved for a while, and keep the weights of its best time (Prechelt 1998).

    Lower values are better. An improvement is a value below ``best - min_delta``, where ``best`` is the value of the
    last improvement; NaN is none.

    Parameters
    ----------
    patience : int
        Stop after so many calls in a row without improvement, 1 or more.
    min_delta : float
        What an improvement must exceed, 0 or more.

    Attributes
    ----------
    best : float
        The value of the last improvement; infinite before the first.
    waited : int
        The number of calls since then.
    weights : dict, optional
        The model's ``state_dict`` at that improvement, a copy.

    Raises
    ------
    ValueError
        Patience or ``min_delta`` out of range; or weights are asked for before there are any.

    Examples
    --------
    >>> stopping, model = EarlyStopping(patience=2), nn.Linear(1, 1)
    >>> [stopping.update(value, model) for value in (3.0, 1.0, 2.0, 1.5)]
    [False, False, False, True]
    >>> stopping.best
    1.0
    """

    def __init__(self, patience: int, *, min_delta: float = 0.0) -> None:
        whole("EarlyStopping", 1, patience=patience)
        nonnegative("EarlyStopping", min_delta=min_delta)
        self.patience, self.min_delta = patience, min_delta
        self.best, self.waited = math.inf, 0
        self.weights: dict[str, Tensor] | None = None

    def update(self, value: float, model: nn.Module) -> bool:
        """Take note of a value and of the model's weights if it is the best so far; return whether to stop."""
        value = float(value)  # a loss that is a tensor would keep its graph, and with it the memory of a step
        if value < self.best - self.min_delta:
            self.best, self.waited = value, 0
            self.weights = copy.deepcopy(model.state_dict())
        else:
            self.waited += 1
        return self.waited >= self.patience

    def restore(self, model: nn.Module) -> None:
        """Load the weights of the best call into the model."""
        if self.weights is None:
            raise ValueError("EarlyStopping: no value has improved yet, expected an update before restore")
        model.load_state_dict(self.weights)


def random_shift(images: Tensor, *, max_pixels: int, generator: torch.Generator | None = None) -> Tensor:
    """Return each image moved by a whole number of pixels of its own, down or up and right or left.

    Both numbers are uniform from ``-max_pixels`` to ``max_pixels``; what moves in is 0, what moves out is lost.

    Examples
    --------
    >>> moved = random_shift(torch.ones(1, 3, 3), max_pixels=1, generator=torch.Generator().manual_seed(2))
    >>> moved.int().tolist()
    [[[0, 0, 0], [0, 1, 1], [0, 1, 1]]]
    """
    shape("random_shift", "(N, H, W)", images=images)
    whole("random_shift", 0, max_pixels=max_pixels)
    (count, height, width), m = images.shape, max_pixels
    padded = nn.functional.pad(images, (m, m, m, m))
    corners = _randint(0, 2 * m + 1, (count, 2), images, generator)
    rows = corners[:, :1] + torch.arange(height, device=images.device)
    columns = corners[:, 1:] + torch.arange(width, device=images.device)
    which = torch.arange(count, device=images.device)
    return padded[which[:, None, None], rows[:, :, None], columns[:, None, :]]


def random_flip(images: Tensor, *, p: float = 0.5, generator: torch.Generator | None = None) -> Tensor:
    """Return each image mirrored left to right with probability ``p``.

    Right where a mirrored object is of the same class: clothes, but not digits.

    Examples
    --------
    >>> random_flip(torch.tensor([[[1.0, 2.0]]]), p=1.0)
    tensor([[[2., 1.]]])
    """
    shape("random_flip", "(N, H, W)", images=images)
    probability("random_flip", p=p)
    mirrored = _rand((len(images), 1, 1), images, generator) < p
    return torch.where(mirrored, images.flip(-1), images)


def cutout(images: Tensor, *, size: int, generator: torch.Generator | None = None) -> Tensor:
    """Return each image with one square of zeros at a place of its own, wholly inside (DeVries and Taylor 2017).

    The paper lets the square reach over the edge; here each image loses the same number of pixels.

    Raises
    ------
    ValueError
        The square is larger than the images.

    Examples
    --------
    >>> int(cutout(torch.ones(1, 5, 5), size=2).sum())
    21
    """
    shape("cutout", "(N, H, W)", images=images)
    whole("cutout", 0, size=size)
    count, height, width = images.shape
    if size > min(height, width):
        raise ValueError(f"cutout: got size={size} for images of {height} x {width} pixels, expected one that fits")
    top = _randint(0, height - size + 1, (count, 1), images, generator)
    left = _randint(0, width - size + 1, (count, 1), images, generator)
    rows, columns = (torch.arange(extent, device=images.device) for extent in (height, width))
    hit_rows = (rows >= top) & (rows < top + size)
    hit_columns = (columns >= left) & (columns < left + size)
    return images.masked_fill(hit_rows[:, :, None] & hit_columns[:, None, :], 0)


def mixup(X: Tensor, Y: Tensor, *, alpha: float, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    r"""Return each sample mixed with another one, inputs and targets in the same ratio (Zhang et al. 2018, section 2).

    :math:`\tilde x_n = \lambda_n x_n + (1 - \lambda_n) x_{\pi(n)}`, the same for y, with
    :math:`\lambda_n \sim \text{Beta}(\alpha, \alpha)` drawn for each sample and one permutation :math:`\pi`.

    Parameters
    ----------
    X : Tensor, (N, ...)
    Y : Tensor, (N, C)
        One-hot or other probabilities; ``F.one_hot(y, C).to(X.dtype)`` makes them of class indices.
    alpha : float
        Above 0. Small: nearly always one of the two samples; 1: any ratio alike.

    Raises
    ------
    ValueError
        ``alpha`` not above 0, targets that are not floats of shape ``(N, C)``, one row for each sample, or on another
        device.

    Examples
    --------
    >>> X, Y = mixup(torch.eye(2), torch.eye(2), alpha=1.0)
    >>> bool(torch.equal(X, Y)), Y.sum(1)
    (True, tensor([1., 1.]))
    """
    shape("mixup", "(N, ...)", X=X, Y=Y)
    if Y.ndim != 2:
        raise ValueError(
            f"mixup: expected probabilities Y of shape (N, C), got {tuple(Y.shape)}; use F.one_hot(y, C).to(X.dtype)"
        )
    floating("mixup", X=X, Y=Y)
    same_device("mixup", X=X, Y=Y)
    positive("mixup", alpha=alpha)
    if len(X) != len(Y):
        raise ValueError(f"mixup: got {len(X)} samples X and {len(Y)} targets Y, expected as many of both")
    lam = _beta(alpha, len(X), Y, generator)
    order = torch.randperm(len(X), generator=generator, device=_home(X, generator)).to(X.device)

    def mixed(values: Tensor) -> Tensor:
        share = lam.to(values.dtype).reshape(-1, *[1] * (values.ndim - 1))
        return share * values + (1 - share) * values[order]

    return mixed(X), mixed(Y)


def _tensors(where: str, parameters: Iterable[Tensor]) -> list[Tensor]:
    if isinstance(parameters, nn.Module) or not isinstance(parameters, Iterable):
        raise ValueError(f"{where}: got {type(parameters).__name__}, expected tensors, such as model.parameters()")
    tensors = list(parameters)
    if not tensors:
        raise ValueError(f"{where}: got no parameters, expected at least one; a generator can be read only once")
    named = {f"parameters[{i}]": tensor for i, tensor in enumerate(tensors)}
    floating(where, **named)
    same_device(where, **named)
    return tensors


def _home(like: Tensor, generator: torch.Generator | None) -> torch.device:
    return like.device if generator is None else generator.device


def _rand(size: tuple[int, ...], like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.rand(size, generator=generator, device=_home(like, generator)).to(like.device)


def _randint(low: int, high: int, size: tuple[int, ...], like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.randint(low, high, size, generator=generator, device=_home(like, generator)).to(like.device)


def _beta(alpha: float, count: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw from Beta(alpha, alpha) by NumPy: PyTorch's own draws take no generator."""
    seed = int(torch.randint(2**63 - 1, (), generator=generator, device=_home(like, generator)))
    drawn = np.random.default_rng(seed).beta(alpha, alpha, count)
    return torch.from_numpy(drawn).to(like.dtype).to(like.device)
