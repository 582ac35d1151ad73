r"""Activation functions from scratch, each with its derivative in closed form.

The contract that all elementwise functions share: ``name(z)`` and ``name_derivative(z)`` take a floating-point tensor
of any shape and return one of the same shape, dtype and device; ``z`` is not changed. At 0, where the ReLU family has
a kink, the derivative is the one from the left, as in PyTorch, and autograd through ``name`` finds the same. Values
and gradients are finite and right at :math:`\pm 800`: no exponential overflows, not even in the branch that ``where``
throws away, since autograd would multiply its infinite slope by 0 and get nan.

:math:`\sigma` is the sigmoid, :math:`\Phi` and :math:`\phi` are distribution function and density of the standard
normal distribution. Softmax is no elementwise function: each of its outputs depends on all inputs along an axis, and
its derivative is a matrix.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from nnutils.arguments import floating, positive, probability, shape

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "elu",
    "elu_derivative",
    "gelu",
    "gelu_derivative",
    "leaky_relu",
    "leaky_relu_derivative",
    "log_softmax",
    "relu",
    "relu_derivative",
    "sigmoid",
    "sigmoid_derivative",
    "silu",
    "silu_derivative",
    "softmax",
    "softmax_jacobian",
    "tanh",
    "tanh_derivative",
]


def sigmoid(z: Tensor) -> Tensor:
    r"""Return :math:`\sigma(z) = 1 / (1 + e^{-z})`, computed as :math:`e^z / (1 + e^z)` where z is negative.

    Source: Rumelhart et al. 1986, equation 2.

    Examples
    --------
    >>> sigmoid(torch.tensor([-800.0, 0.0, 800.0]))
    tensor([0.0000, 0.5000, 1.0000])
    """
    floating("sigmoid", z=z)
    # exp(-|z|), but not by abs: its slope at 0 is 0 to autograd, which would make the sigmoid flat there
    small = torch.exp(torch.where(z <= 0, z, -z))
    return torch.where(z <= 0, small, 1) / (1 + small)


def sigmoid_derivative(z: Tensor) -> Tensor:
    r"""Return :math:`\sigma'(z) = \sigma(z) (1 - \sigma(z))`, at most 1/4.

    Computed as :math:`\sigma(z) \, \sigma(-z)`, because :math:`1 - \sigma(z)` loses all digits where z is large.

    Examples
    --------
    >>> sigmoid_derivative(torch.tensor([-800.0, 0.0, 800.0]))
    tensor([0.0000, 0.2500, 0.0000])
    """
    floating("sigmoid_derivative", z=z)
    return sigmoid(z) * sigmoid(-z)


def tanh(z: Tensor) -> Tensor:
    r"""Return :math:`\tanh z = (e^z - e^{-z}) / (e^z + e^{-z}) = 2 \sigma(2 z) - 1`.

    Computed as :math:`-m / (2 + m)` with :math:`m = e^{-2 |z|} - 1` and the sign of z, which keeps the digits of a
    small z. Centred at 0, hence preferred to the sigmoid in hidden layers (LeCun et al. 1998, Efficient BackProp,
    section 4.4).

    Examples
    --------
    >>> tanh(torch.tensor([-800.0, 0.0, 1e-6, 1.0]))
    tensor([-1.0000e+00,  0.0000e+00,  1.0000e-06,  7.6159e-01])
    """
    floating("tanh", z=z)
    m = torch.expm1(torch.where(z <= 0, 2 * z, -2 * z))
    return torch.where(z <= 0, m, -m) / (2 + m)


def tanh_derivative(z: Tensor) -> Tensor:
    r"""Return :math:`\tanh'(z) = 1 - \tanh^2 z`, computed without the difference as :math:`4 \sigma'(2 z)`.

    Examples
    --------
    >>> tanh_derivative(torch.tensor([-800.0, 0.0, 1.0]))
    tensor([0.0000, 1.0000, 0.4200])
    """
    floating("tanh_derivative", z=z)
    return 4 * sigmoid_derivative(2 * z)


def relu(z: Tensor) -> Tensor:
    r"""Return :math:`\max(z, 0)`, the rectified linear unit (Nair and Hinton 2010).

    Examples
    --------
    >>> relu(torch.tensor([-2.0, 0.0, 3.0]))
    tensor([0., 0., 3.])
    """
    floating("relu", z=z)
    return torch.where(z <= 0, 0, z)


def relu_derivative(z: Tensor) -> Tensor:
    """Return 1 where ``z > 0``, else 0; 0 at 0.

    Examples
    --------
    >>> relu_derivative(torch.tensor([-2.0, 0.0, 3.0]))
    tensor([0., 0., 1.])
    """
    floating("relu_derivative", z=z)
    return (z > 0).to(z.dtype)


def leaky_relu(z: Tensor, *, slope: float = 0.01) -> Tensor:
    """Return z where ``z > 0``, else ``slope * z`` (Maas et al. 2013); ``0 <= slope <= 1``.

    Examples
    --------
    >>> leaky_relu(torch.tensor([-2.0, 0.0, 3.0]), slope=0.1)
    tensor([-0.2000,  0.0000,  3.0000])
    """
    floating("leaky_relu", z=z)
    probability("leaky_relu", slope=slope)
    return torch.where(z <= 0, slope * z, z)


def leaky_relu_derivative(z: Tensor, *, slope: float = 0.01) -> Tensor:
    """Return 1 where ``z > 0``, else ``slope``; ``slope`` at 0.

    Examples
    --------
    >>> leaky_relu_derivative(torch.tensor([-2.0, 0.0, 3.0]), slope=0.1)
    tensor([0.1000, 0.1000, 1.0000])
    """
    floating("leaky_relu_derivative", z=z)
    probability("leaky_relu_derivative", slope=slope)
    return torch.where(z <= 0, torch.full_like(z, slope), 1)


def elu(z: Tensor, *, alpha: float = 1.0) -> Tensor:
    r"""Return z where ``z > 0``, else :math:`\alpha (e^z - 1)` (Clevert et al. 2016); ``alpha > 0``.

    Examples
    --------
    >>> elu(torch.tensor([-800.0, 0.0, 800.0]), alpha=2.0)
    tensor([ -2.,   0., 800.])
    """
    floating("elu", z=z)
    positive("elu", alpha=alpha)
    return torch.where(z <= 0, alpha * torch.expm1(torch.where(z <= 0, z, 0)), z)


def elu_derivative(z: Tensor, *, alpha: float = 1.0) -> Tensor:
    r"""Return 1 where ``z > 0``, else :math:`\alpha e^z`; :math:`\alpha` at 0.

    Examples
    --------
    >>> elu_derivative(torch.tensor([-800.0, 0.0, 800.0]), alpha=2.0)
    tensor([0., 2., 1.])
    """
    floating("elu_derivative", z=z)
    positive("elu_derivative", alpha=alpha)
    return torch.where(z <= 0, alpha * torch.exp(torch.where(z <= 0, z, 0)), 1)


def gelu(z: Tensor) -> Tensor:
    r"""Return :math:`z \, \Phi(z)` with :math:`\Phi(z) = (1 + \mathrm{erf}(z / \sqrt 2)) / 2`.

    Source: Hendrycks and Gimpel 2016, section 2; the exact form, not the approximation by tanh.

    Examples
    --------
    >>> gelu(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """
    floating("gelu", z=z)
    return z * _normal_cdf(z)


def gelu_derivative(z: Tensor) -> Tensor:
    r"""Return :math:`\Phi(z) + z \, \phi(z)` with :math:`\phi(z) = e^{-z^2 / 2} / \sqrt{2 \pi}`.

    Negative below about -0.75: GELU is not monotonic.

    Examples
    --------
    >>> gelu_derivative(torch.tensor([-1.0, 0.0, 1.0, 800.0]))
    tensor([-0.0833,  0.5000,  1.0833,  1.0000])
    """
    floating("gelu_derivative", z=z)
    return _normal_cdf(z) + z * torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)


def silu(z: Tensor) -> Tensor:
    r"""Return :math:`z \, \sigma(z)` (Elfwing et al. 2018), also called swish (Ramachandran et al. 2017).

    Examples
    --------
    >>> silu(torch.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.2689,  0.0000,  0.7311])
    """
    floating("silu", z=z)
    return z * sigmoid(z)


def silu_derivative(z: Tensor) -> Tensor:
    r"""Return :math:`\sigma(z) + z \, \sigma'(z)`; negative below about -1.28.

    Examples
    --------
    >>> silu_derivative(torch.tensor([-2.0, 0.0, 2.0, 800.0]))
    tensor([-0.0908,  0.5000,  1.0908,  1.0000])
    """
    floating("silu_derivative", z=z)
    return sigmoid(z) + z * sigmoid_derivative(z)


class Activation(NamedTuple):
    """An elementwise function with its derivative.

    Examples
    --------
    >>> square = Activation(lambda z: z**2, lambda z: 2 * z)
    >>> square.derivative(torch.tensor(3.0))
    tensor(6.)
    """

    value: Callable[..., Tensor]
    derivative: Callable[..., Tensor]


ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": Activation(sigmoid, sigmoid_derivative),
    "tanh": Activation(tanh, tanh_derivative),
    "relu": Activation(relu, relu_derivative),
    "leaky_relu": Activation(leaky_relu, leaky_relu_derivative),
    "elu": Activation(elu, elu_derivative),
    "gelu": Activation(gelu, gelu_derivative),
    "silu": Activation(silu, silu_derivative),
}
"""The elementwise functions by name."""


def softmax(logits: Tensor, *, dim: int = -1) -> Tensor:
    r"""Return :math:`p_i = e^{z_i - m} / \sum_j e^{z_j - m}` along ``dim``, with :math:`m = \max_j z_j`.

    The shift by the maximum changes nothing but that no exponential overflows. The shape stays. Source: Bridle 1990.

    Examples
    --------
    >>> softmax(torch.tensor([1000.0, 1000.0, -1000.0]))
    tensor([0.5000, 0.5000, 0.0000])
    """
    _check_axis("softmax", logits, dim)
    powers = torch.exp(_shifted(logits, dim))
    return powers / powers.sum(dim, keepdim=True)


def log_softmax(logits: Tensor, *, dim: int = -1) -> Tensor:
    r"""Return :math:`\log p_i = z_i - m - \log \sum_j e^{z_j - m}` along ``dim``, with :math:`m = \max_j z_j`.

    Right also where :math:`p_i` itself is too small for a floating-point number, and its logarithm minus infinity.

    Examples
    --------
    >>> log_softmax(torch.tensor([0.0, -200.0]))
    tensor([   0., -200.])
    """
    _check_axis("log_softmax", logits, dim)
    shifted = _shifted(logits, dim)
    return shifted - torch.exp(shifted).sum(dim, keepdim=True).log()


def softmax_jacobian(logits: Tensor) -> Tensor:
    r"""Return :math:`\partial p_i / \partial z_j = p_i (\delta_{ij} - p_j)`, shape ``(..., C, C)``, for ``(..., C)``.

    As a matrix :math:`\mathrm{diag}(p) - p p^\top`: symmetric, and its rows sum to 0.

    Examples
    --------
    >>> softmax_jacobian(torch.tensor([0.0, 0.0]))
    tensor([[ 0.2500, -0.2500],
            [-0.2500,  0.2500]])
    """
    _check_axis("softmax_jacobian", logits, -1)
    p = softmax(logits)
    return torch.diag_embed(p) - p.unsqueeze(-1) * p.unsqueeze(-2)


def _normal_cdf(z: Tensor) -> Tensor:
    return (1 + torch.erf(z / math.sqrt(2))) / 2


def _shifted(logits: Tensor, dim: int) -> Tensor:
    # detached: softmax does not depend on the shift, so no gradient has to pass through it
    return logits - logits.amax(dim, keepdim=True).detach()


def _check_axis(where: str, logits: Tensor, dim: int) -> None:
    floating(where, logits=logits)
    shape(where, "(..., C)", logits=logits)
    if not isinstance(dim, int) or dim not in range(-logits.ndim, logits.ndim) or logits.shape[dim] == 0:
        raise ValueError(
            f"{where}: got dim={dim!r} for logits of shape {tuple(logits.shape)}, "
            f"expected an axis from {-logits.ndim} to {logits.ndim - 1} that is not empty"
        )
