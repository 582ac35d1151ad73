r"""Weight initializers from scratch: how large the numbers are with which a network starts.

The contract that all fillers share: ``scheme_(tensor, *, ..., generator=None)`` fills ``tensor`` in place, also a
parameter that requires a gradient, and returns it; ``zeros_`` and ``constant_`` draw nothing and take no generator.
Weights are ``(out, in)``, or ``(out, in, *kernel)`` for a convolution. ``generator`` draws on its own device, so that
one on the CPU gives the same weights everywhere; without it PyTorch's global generator draws. A uniform distribution
on ``[-a, a]`` has variance :math:`a^2/3`: for the same standard deviation its bound is :math:`\sqrt 3` times as large.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nnutils.arguments import floating, nonnegative, one_of

__all__ = [
    "SCHEMES",
    "constant_",
    "fan_in_and_fan_out",
    "gain",
    "he_normal_",
    "he_uniform_",
    "initialize",
    "lecun_normal_",
    "lecun_uniform_",
    "normal_",
    "orthogonal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]


def fan_in_and_fan_out(shape: Sequence[int]) -> tuple[int, int]:
    """Return how many numbers enter into one output of a weight of this shape, and how many outputs one input enters.

    ``(out, in) -> (in, out)``, ``(out, in, *kernel) -> (in * prod(kernel), out * prod(kernel))``.

    Raises
    ------
    ValueError
        Fewer than two axes, or a weight in place of its shape.

    Examples
    --------
    >>> fan_in_and_fan_out((32, 64)), fan_in_and_fan_out((16, 3, 5, 5))
    ((64, 32), (75, 400))
    """
    if not isinstance(shape, Sequence):
        raise ValueError(
            f"fan_in_and_fan_out: got {type(shape).__name__}, expected a shape (out, in, ...); use weight.shape"
        )
    if len(shape) < 2:
        raise ValueError(f"fan_in_and_fan_out: expected a weight of shape (out, in, ...), got {tuple(shape)}")
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def gain(nonlinearity: str, *, slope: float = 0.01) -> float:
    r"""Return the factor that makes up for what a nonlinearity takes from the standard deviation.

    1 for "linear" and "sigmoid", :math:`\sqrt 2` for "relu", which lets half of a symmetric signal's mean square
    through, and :math:`\sqrt{2 / (1 + \text{slope}^2)}` for "leaky_relu" (He et al. 2015, equations 10 and 15); 5/3
    for "tanh". Those of "sigmoid" and "tanh" are PyTorch's conventions, not derivations.

    Raises
    ------
    ValueError
        Unknown name, or a slope that is not a finite number, 0 or more.

    Examples
    --------
    >>> gain("linear"), round(gain("relu"), 4), round(gain("leaky_relu", slope=0.5), 4)
    (1.0, 1.4142, 1.2649)
    """
    nonnegative("gain", slope=slope)
    gains = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5 / 3,
        "relu": math.sqrt(2),
        "leaky_relu": math.sqrt(2 / (1 + slope**2)),
    }
    return gains[one_of("gain", nonlinearity, gains)]


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0: right for biases, while equal weights of a hidden layer never part (Rumelhart et al. 1986).

    Examples
    --------
    >>> zeros_(torch.empty(3))
    tensor([0., 0., 0.])
    """
    return constant_(tensor, value=0.0)


@torch.no_grad()
def constant_(tensor: Tensor, *, value: float) -> Tensor:
    """Fill with one number.

    Examples
    --------
    >>> constant_(torch.empty(2), value=0.5)
    tensor([0.5000, 0.5000])
    """
    floating("constant_", tensor=tensor)
    return tensor.fill_(value)


@torch.no_grad()
def normal_(tensor: Tensor, *, mean: float = 0.0, std: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    r"""Fill with draws from the normal distribution :math:`N(\text{mean}, \text{std}^2)`.

    Raises
    ------
    ValueError
        A standard deviation that is not a finite number, 0 or more.

    Examples
    --------
    >>> normal_(torch.empty(2, 2), mean=3.0, std=0.0)
    tensor([[3., 3.],
            [3., 3.]])
    """
    floating("normal_", tensor=tensor)
    nonnegative("normal_", std=std)
    return tensor.copy_(_empty(tensor, generator).normal_(mean, std, generator=generator))


@torch.no_grad()
def uniform_(
    tensor: Tensor, *, low: float = 0.0, high: float = 1.0, generator: torch.Generator | None = None
) -> Tensor:
    """Fill with draws from the uniform distribution on ``[low, high)``.

    Weights of a network want ``low = -high``: all-positive weights make the units of a layer move together.

    Raises
    ------
    ValueError
        ``low`` above ``high``, or one of them not finite.

    Examples
    --------
    >>> bool((uniform_(torch.empty(1000), low=-0.1, high=0.1).abs() <= 0.1).all())
    True
    """
    floating("uniform_", tensor=tensor)
    if not -math.inf < low <= high < math.inf:
        raise ValueError(f"uniform_: got low={low}, high={high}, expected finite numbers with low <= high")
    return tensor.copy_(_empty(tensor, generator).uniform_(low, high, generator=generator))


def lecun_normal_(tensor: Tensor, *, gain: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    r"""Fill normally with std :math:`\text{gain} / \sqrt{\text{fan}_\text{in}}`.

    Source: LeCun et al. 1998, Efficient BackProp, equation 16.

    Examples
    --------
    >>> weight = lecun_normal_(torch.empty(500, 400))
    >>> bool(abs(weight.std() - 1 / 20) < 1e-3)
    True
    """
    fan_in, _ = _fans("lecun_normal_", tensor, gain)
    return normal_(tensor, std=gain / math.sqrt(fan_in), generator=generator)


def lecun_uniform_(tensor: Tensor, *, gain: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    r"""Fill uniformly with std :math:`\text{gain} / \sqrt{\text{fan}_\text{in}}`, as ``lecun_normal_``.

    Examples
    --------
    >>> bool((lecun_uniform_(torch.empty(5, 300)).abs() <= 0.1).all())
    True
    """
    fan_in, _ = _fans("lecun_uniform_", tensor, gain)
    return _uniform_with_std(tensor, gain / math.sqrt(fan_in), generator)


def xavier_normal_(tensor: Tensor, *, gain: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    r"""Fill normally with std :math:`\text{gain} \sqrt{2 / (\text{fan}_\text{in} + \text{fan}_\text{out})}`.

    The compromise between keeping the variance on the way forward and on the way back (Glorot and Bengio 2010,
    equation 12).

    Examples
    --------
    >>> weight = xavier_normal_(torch.empty(500, 300))
    >>> bool(abs(weight.std() - 1 / 20) < 1e-3)
    True
    """
    fans = _fans("xavier_normal_", tensor, gain)
    return normal_(tensor, std=gain * math.sqrt(2 / sum(fans)), generator=generator)


def xavier_uniform_(tensor: Tensor, *, gain: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    r"""Fill uniformly with bound :math:`\text{gain} \sqrt{6 / (\text{fan}_\text{in} + \text{fan}_\text{out})}`.

    The same standard deviation as ``xavier_normal_`` (Glorot and Bengio 2010, equation 16).

    Examples
    --------
    >>> bool((xavier_uniform_(torch.empty(200, 400)).abs() <= 0.1).all())
    True
    """
    fans = _fans("xavier_uniform_", tensor, gain)
    return _uniform_with_std(tensor, gain * math.sqrt(2 / sum(fans)), generator)


def he_normal_(tensor: Tensor, *, gain: float = math.sqrt(2), generator: torch.Generator | None = None) -> Tensor:
    r"""Fill normally with std :math:`\text{gain} / \sqrt{\text{fan}_\text{in}}` (He et al. 2015, equation 10).

    With the gain of ReLU it keeps the mean square of the signal on the way forward.

    Examples
    --------
    >>> weight = he_normal_(torch.empty(500, 200))
    >>> bool(abs(weight.std() - 1 / 10) < 2e-3)
    True
    """
    fan_in, _ = _fans("he_normal_", tensor, gain)
    return normal_(tensor, std=gain / math.sqrt(fan_in), generator=generator)


def he_uniform_(tensor: Tensor, *, gain: float = math.sqrt(2), generator: torch.Generator | None = None) -> Tensor:
    r"""Fill uniformly with std :math:`\text{gain} / \sqrt{\text{fan}_\text{in}}` (He et al. 2015, equation 10).

    Examples
    --------
    >>> bool((he_uniform_(torch.empty(5, 600)).abs() <= 0.1).all())
    True
    """
    fan_in, _ = _fans("he_uniform_", tensor, gain)
    return _uniform_with_std(tensor, gain / math.sqrt(fan_in), generator)


@torch.no_grad()
def orthogonal_(tensor: Tensor, *, gain: float = 1.0, generator: torch.Generator | None = None) -> Tensor:
    r"""Fill with ``gain`` times a random matrix whose rows, or columns where they are fewer, are orthonormal.

    The Q of a normal matrix's QR decomposition, with the signs of R's diagonal moved into Q, without which Q would not
    be uniform among the orthogonal matrices (Saxe et al. 2014; Mezzadri 2007). A weight with more than two axes counts
    as the matrix ``(out, in * prod(kernel))``.

    Examples
    --------
    >>> weight = orthogonal_(torch.empty(2, 5), gain=3.0)
    >>> bool(torch.allclose(weight @ weight.T, 9 * torch.eye(2), atol=1e-5))
    True
    """
    _fans("orthogonal_", tensor, gain)
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    drawn = _empty(tensor, generator).normal_(generator=generator).reshape(rows, columns)
    q, r = torch.linalg.qr(drawn if rows >= columns else drawn.T)
    q = q * r.diagonal().sign()
    return tensor.copy_(gain * (q if rows >= columns else q.T).reshape(tensor.shape))


SCHEMES: dict[str, Callable[..., Tensor]] = {
    filler.__name__.removesuffix("_"): filler
    for filler in (
        zeros_,
        constant_,
        normal_,
        uniform_,
        lecun_normal_,
        lecun_uniform_,
        xavier_normal_,
        xavier_uniform_,
        he_normal_,
        he_uniform_,
        orthogonal_,
    )
}
"""The fillers by name, without the underscore."""


def initialize(
    model: nn.Module, scheme: str, *, generator: torch.Generator | None = None, **settings: Any
) -> nn.Module:
    """Fill the weight of every linear and convolution layer, set their biases to 0, and return the model.

    Parameters
    ----------
    model : nn.Module
        Changed in place; other modules, such as normalizations and transposed convolutions, keep what they have.
    scheme : str
        A name in ``SCHEMES``.
    generator : torch.Generator, optional
        Draws all weights, first layer first; what is not drawn does not use it.
    **settings
        Other keyword arguments of that filler: ``value``, ``std``, ``gain`` and the like.

    Raises
    ------
    ValueError
        No module, unknown name, or a setting out of range.

    Examples
    --------
    >>> layer = initialize(nn.Linear(3, 2), "constant", value=0.5)
    >>> layer.weight.tolist(), layer.bias.tolist()
    ([[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]], [0.0, 0.0])
    """
    if not isinstance(model, nn.Module):
        raise ValueError(f"initialize: got {type(model).__name__}, expected a module; a tensor is filled by {scheme}_")
    fill = SCHEMES[one_of("initialize", scheme, SCHEMES)]
    if fill not in (zeros_, constant_):
        settings["generator"] = generator
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
            fill(module.weight, **settings)
            if module.bias is not None:
                zeros_(module.bias)
    return model


def _empty(tensor: Tensor, generator: torch.Generator | None) -> Tensor:
    device = tensor.device if generator is None else generator.device
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=device)


def _fans(where: str, tensor: Tensor, gain: float) -> tuple[int, int]:
    floating(where, tensor=tensor)
    nonnegative(where, gain=gain)
    if tensor.ndim < 2 or tensor.numel() == 0:
        raise ValueError(f"{where}: expected a weight of shape (out, in, ...), none 0, got {tuple(tensor.shape)}")
    return fan_in_and_fan_out(tensor.shape)


def _uniform_with_std(tensor: Tensor, std: float, generator: torch.Generator | None) -> Tensor:
    bound = math.sqrt(3) * std
    return uniform_(tensor, low=-bound, high=bound, generator=generator)
