r"""Normalization from scratch: inputs by the statistics of the training set, layers by those of a batch or a sample.

The contract that all share: each normalizes by :math:`\hat x = (x - \mu) / \sqrt{\sigma^2 + \varepsilon}` with the
BIASED variance (divided by n, not by n - 1), scales by ``weight`` (:math:`\gamma`) and shifts by ``bias``
(:math:`\beta`). They differ in what :math:`\mu` and :math:`\sigma^2` are taken over:

- ``standardize``: over the training samples, once, before training; without :math:`\varepsilon, \gamma, \beta`;
- batch norm: over the batch, for each feature; in evaluation mode over what was seen in training;
- layer norm: over the features, for each sample, in training and evaluation alike.

``..._norm`` are pure functions: what a step remembers goes in and comes out. ``..._norm_backward`` is their gradient in
closed form, in which mean and variance are no constants: they depend on every entry that they were taken over.
Features lie on axis 1 for batch norm, ``(N, D)`` or ``(N, C, L)``, and on the last axes for layer norm.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nnutils.arguments import floating, nonnegative, probability, same_device, same_shape, shape, whole

__all__ = [
    "BatchNorm1d",
    "LayerNorm",
    "batch_norm",
    "batch_norm_backward",
    "fold",
    "layer_norm",
    "layer_norm_backward",
    "standardize",
]


def standardize(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    r"""Return ``train`` and the others, each feature as :math:`(x - \mu) / \sigma` with the statistics of ``train``.

    Always a tuple: ``(X,) = standardize(X)``. Validation and test data have no say in :math:`\mu` and :math:`\sigma`:
    they stand for data that nobody has seen. A feature that is constant in ``train`` is divided by 1. Source: LeCun et
    al. 1998, Efficient BackProp, section 4.3.

    Parameters
    ----------
    train : Tensor of shape (N, ...)
        At least one sample, floating point.
    *others : Tensor of shape (M, ...)
        Each with the features of ``train``.

    Raises
    ------
    ValueError
        No sample, other features, integers, different devices.

    Examples
    --------
    >>> train, test = torch.tensor([[1.0, 7.0], [3.0, 7.0]]), torch.tensor([[5.0, 8.0]])
    >>> standardize(train, test)
    (tensor([[-1.,  0.],
            [ 1.,  0.]]), tensor([[3., 1.]]))
    """
    named = {"train": train} | {f"others[{i}]": other for i, other in enumerate(others)}
    shape("standardize", "(N, ...)", **named)
    floating("standardize", **named)
    same_device("standardize", **named)
    if len(train) == 0:
        raise ValueError("standardize: got no training samples, expected at least one")
    for name, other in named.items():
        if other.shape[1:] != train.shape[1:]:
            raise ValueError(
                f"standardize: got {name} of shape {tuple(other.shape)} for train of shape {tuple(train.shape)}, "
                "expected the same features"
            )
    mean, std = train.mean(0), train.std(0, correction=0)
    # not by std alone: rounding gives a constant 0.1 a deviation of 1e-9, and the division would blow rounding up to 1
    constant = (train.amax(0) == train.amin(0)) | (std == 0)
    scale = torch.where(constant, 1, std)
    return tuple((x - mean) / scale for x in named.values())


def batch_norm(
    x: Tensor,
    *,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    training: bool,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Return ``(y, running_mean, running_var)``: :math:`y = \gamma \hat x + \beta` and the statistics that go on.

    In training, :math:`\mu` and :math:`\sigma^2` are the batch's (Ioffe and Szegedy 2015, algorithm 1), and the running
    statistics move towards them, ``running = (1 - momentum) * running + momentum * batch``. The running variance takes
    the UNBIASED variance of the batch, :math:`\sigma^2 n / (n - 1)` for n values of a feature (algorithm 2), although
    the batch itself is normalized by the biased one. In evaluation the running statistics take the place of the
    batch's and come back as they are. PyTorch's ``momentum`` is the share of the new, not of the old.

    Parameters
    ----------
    x : Tensor of shape (N, D) or (N, C, L)
        Further axes behind L are allowed. In training at least two values of each feature.
    weight, bias, running_mean, running_var : Tensor of shape (D,) or (C,)
    training : bool
    momentum : float
        Between 0 and 1.
    eps : float
        0 or more.

    Raises
    ------
    ValueError
        Wrong shape, dtype or device, momentum or eps out of range, one value of a feature in training.

    Examples
    --------
    >>> one, zero = torch.ones(1), torch.zeros(1)
    >>> x = torch.tensor([[1.0], [3.0]])
    >>> start = {"weight": one, "bias": zero, "running_mean": zero, "running_var": one}
    >>> y, running_mean, running_var = batch_norm(x, **start, training=True, eps=0.0)
    >>> y.flatten(), running_mean, running_var
    (tensor([-1.,  1.]), tensor([0.2000]), tensor([1.1000]))
    """
    features = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    shape("batch_norm", "(N, D, ...)", x=x)
    _check("batch_norm", x, x.shape[1:2], eps, **features)
    probability("batch_norm", momentum=momentum)
    rows = x.movedim(1, -1)
    mean, var = running_mean, running_var
    if training:
        n = _values_of_each_feature("batch_norm", x)
        var, mean = torch.var_mean(rows, tuple(range(rows.ndim - 1)), correction=0)
        # what is remembered is a number, not a function of the weights: without detach it would hold on to every graph
        running_mean = (1 - momentum) * running_mean + momentum * mean.detach()
        running_var = (1 - momentum) * running_var + momentum * var.detach() * n / (n - 1)
    y = (rows - mean) / torch.sqrt(var + eps) * weight + bias
    return y.movedim(-1, 1), running_mean, running_var


def batch_norm_backward(
    grad_out: Tensor, x: Tensor, *, weight: Tensor, eps: float = 1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Return ``(grad_x, grad_weight, grad_bias)`` of batch norm in training, for the gradient G at its output.

    Sums run over the n values of a feature. :math:`\partial\beta = \sum G`, :math:`\partial\gamma = \sum G \hat x`,

    .. math:: \partial x = \frac{\gamma}{\sqrt{\sigma^2 + \varepsilon}}
        \left( G - \frac{\partial\beta}{n} - \hat x \, \frac{\partial\gamma}{n} \right)

    which is what the chain of equations in section 3 of Ioffe and Szegedy 2015 comes to. The gradient of x sums to 0:
    a shift of the whole batch changes nothing.

    Raises
    ------
    ValueError
        As ``batch_norm`` in training, or ``grad_out`` has another shape than ``x``.

    Examples
    --------
    >>> x, grad_out = torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0], [0.0]])
    >>> batch_norm_backward(grad_out, x, weight=torch.ones(1), eps=0.0)
    (tensor([[0.],
            [0.]]), tensor([-1.]), tensor([1.]))
    """
    shape("batch_norm_backward", "(N, D, ...)", x=x)
    _check_gradient("batch_norm_backward", grad_out, x)
    _check("batch_norm_backward", x, x.shape[1:2], eps, weight=weight)
    n = _values_of_each_feature("batch_norm_backward", x)
    g, rows = grad_out.movedim(1, -1), x.movedim(1, -1)
    axes = tuple(range(rows.ndim - 1))
    var, mean = torch.var_mean(rows, axes, correction=0)
    scale = torch.rsqrt(var + eps)
    x_hat = (rows - mean) * scale
    grad_weight, grad_bias = (g * x_hat).sum(axes), g.sum(axes)
    grad_x = weight * scale * (g - grad_bias / n - x_hat * grad_weight / n)
    return grad_x.movedim(-1, 1), grad_weight, grad_bias


class BatchNorm1d(nn.Module):
    """Batch norm with learnable scale and shift, and running statistics for evaluation.

    Takes the place of ``torch.nn.BatchNorm1d``: the same numbers, and a ``state_dict`` that either loads.

    Parameters
    ----------
    num_features : int
        D of an input ``(N, D)``, C of ``(N, C, L)``.
    eps, momentum : float
        As in ``batch_norm``.

    Raises
    ------
    ValueError
        A parameter is out of range; in ``forward`` as ``batch_norm``.

    Examples
    --------
    >>> layer = BatchNorm1d(1)
    >>> layer(torch.tensor([[1.0], [3.0]])).flatten().round().tolist(), layer.running_mean
    ([-1.0, 1.0], tensor([0.2000]))
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        whole("BatchNorm1d", 1, num_features=num_features)
        nonnegative("BatchNorm1d", eps=eps)
        probability("BatchNorm1d", momentum=momentum)
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = nn.Parameter(torch.ones(num_features))
        self.bias = nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        """Return x normalized; in training mode the running statistics take a step."""
        y, running_mean, running_var = batch_norm(
            x,
            weight=self.weight,
            bias=self.bias,
            running_mean=self.running_mean,
            running_var=self.running_var,
            training=self.training,
            momentum=self.momentum,
            eps=self.eps,
        )
        if self.training:
            self.running_mean.copy_(running_mean)
            self.running_var.copy_(running_var)
            self.num_batches_tracked.add_(1)
        return y


def layer_norm(x: Tensor, *, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    r"""Return :math:`y = \gamma \hat x + \beta`, mean and variance over the last axes of each sample.

    Source: Ba et al. 2016; :math:`\varepsilon` is added inside the root as in batch norm.

    Parameters
    ----------
    x : Tensor of shape (..., D)
        Or ``(..., *normalized_shape)``.
    weight, bias : Tensor of shape (D,)
        Or ``normalized_shape``: their axes are those that are normalized over.
    eps : float
        0 or more.

    Raises
    ------
    ValueError
        Wrong shape, dtype or device, eps out of range.

    Examples
    --------
    >>> layer_norm(torch.tensor([[1.0, 3.0], [10.0, 30.0]]), weight=torch.ones(2), bias=torch.zeros(2), eps=0.0)
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """
    shape("layer_norm", "(D, ...)", x=x, weight=weight)
    _check("layer_norm", x, x.shape[-weight.ndim :], eps, weight=weight, bias=bias)
    var, mean = torch.var_mean(x, tuple(range(-weight.ndim, 0)), correction=0, keepdim=True)
    return (x - mean) / torch.sqrt(var + eps) * weight + bias


def layer_norm_backward(
    grad_out: Tensor, x: Tensor, *, weight: Tensor, eps: float = 1e-5
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Return ``(grad_x, grad_weight, grad_bias)`` of layer norm, for the gradient G at its output.

    Over the samples, :math:`\partial\beta = \sum G` and :math:`\partial\gamma = \sum G \hat x`. With
    :math:`H = G \gamma` and means over the features of a sample,

    .. math:: \partial x = \frac{1}{\sqrt{\sigma^2 + \varepsilon}}
        \left( H - \overline{H} - \hat x \, \overline{H \hat x} \right)

    Raises
    ------
    ValueError
        As ``layer_norm``, or ``grad_out`` has another shape than ``x``.

    Examples
    --------
    >>> x, grad_out = torch.tensor([[1.0, 3.0]]), torch.tensor([[1.0, 0.0]])
    >>> layer_norm_backward(grad_out, x, weight=torch.ones(2), eps=0.0)
    (tensor([[0., 0.]]), tensor([-1.,  0.]), tensor([1., 0.]))
    """
    shape("layer_norm_backward", "(D, ...)", x=x, weight=weight)
    _check_gradient("layer_norm_backward", grad_out, x)
    _check("layer_norm_backward", x, x.shape[-weight.ndim :], eps, weight=weight)
    axes = tuple(range(-weight.ndim, 0))
    var, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    scale = torch.rsqrt(var + eps)
    x_hat, h = (x - mean) * scale, grad_out * weight
    grad_x = scale * (h - h.mean(axes, keepdim=True) - x_hat * (h * x_hat).mean(axes, keepdim=True))
    return grad_x, (grad_out * x_hat).sum_to_size(weight.shape), grad_out.sum_to_size(weight.shape)


class LayerNorm(nn.Module):
    """Layer norm with learnable scale and shift; takes the place of ``torch.nn.LayerNorm``.

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The last axes of the input, over which is normalized.
    eps : float
        0 or more.

    Raises
    ------
    ValueError
        A parameter is out of range; in ``forward`` as ``layer_norm``.

    Examples
    --------
    >>> LayerNorm(2)(torch.tensor([[1.0, 3.0], [10.0, 30.0]])).round()
    tensor([[-1.,  1.],
            [-1.,  1.]], grad_fn=<RoundBackward0>)
    """

    def __init__(self, normalized_shape: int | Sequence[int], eps: float = 1e-5) -> None:
        sizes = tuple(normalized_shape) if isinstance(normalized_shape, Sequence) else (normalized_shape,)
        for size in sizes:
            whole("LayerNorm", 1, normalized_shape=size)
        nonnegative("LayerNorm", eps=eps)
        super().__init__()
        self.normalized_shape, self.eps = sizes, eps
        self.weight = nn.Parameter(torch.ones(sizes))
        self.bias = nn.Parameter(torch.zeros(sizes))

    def forward(self, x: Tensor) -> Tensor:
        """Return x normalized, in training and evaluation alike."""
        return layer_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)


def fold(linear: nn.Linear, batch_norm: nn.BatchNorm1d | BatchNorm1d) -> nn.Linear:
    r"""Return one dense layer that computes what ``batch_norm`` computes after ``linear`` in evaluation mode.

    There batch norm is an affine map of each feature, and two affine maps are one: with
    :math:`s = \gamma / \sqrt{\sigma^2 + \varepsilon}` from the running statistics, :math:`W' = \mathrm{diag}(s) W` and
    :math:`b' = s (b - \mu) + \beta` (Jacob et al. 2018, section 3.2). The two layers stay as they are.

    Raises
    ------
    ValueError
        The layers are of other kinds, do not fit, lie on different devices, or batch norm keeps no statistics.

    Examples
    --------
    >>> linear, norm, x = nn.Linear(3, 2), BatchNorm1d(2).eval(), torch.ones(1, 3)
    >>> torch.allclose(fold(linear, norm)(x), norm(linear(x)), atol=1e-6)
    True
    """
    if not isinstance(linear, nn.Linear) or not isinstance(batch_norm, nn.BatchNorm1d | BatchNorm1d):
        raise ValueError(
            f"fold: got {type(linear).__name__} and {type(batch_norm).__name__}, expected nn.Linear and BatchNorm1d"
        )
    mean, var = batch_norm.running_mean, batch_norm.running_var
    if mean is None or var is None:
        raise ValueError("fold: got a batch norm without running statistics, expected track_running_stats=True")
    if linear.out_features != batch_norm.num_features:
        raise ValueError(
            f"fold: got a linear layer with {linear.out_features} outputs and a batch norm of "
            f"{batch_norm.num_features} features, expected as many"
        )
    same_device("fold", linear=linear.weight, batch_norm=mean)
    weight, bias = linear.weight, 0 if linear.bias is None else linear.bias
    gamma = 1 if batch_norm.weight is None else batch_norm.weight
    beta = 0 if batch_norm.bias is None else batch_norm.bias
    # without skip_init the layer would draw weights that nobody needs, and move the global generator
    sizes = linear.in_features, linear.out_features
    folded = nn.utils.skip_init(nn.Linear, *sizes, device=weight.device, dtype=weight.dtype)
    with torch.no_grad():
        scale = gamma / torch.sqrt(var + batch_norm.eps)
        folded.weight.copy_(scale.unsqueeze(1) * weight)
        folded.bias.copy_(scale * (bias - mean) + beta)
    return folded


def _values_of_each_feature(where: str, x: Tensor) -> int:
    n = x[:, :1].numel()
    if n < 2:
        raise ValueError(
            f"{where}: got x of shape {tuple(x.shape)}, expected at least two values of each feature in training"
        )
    return n


def _check(where: str, x: Tensor, sizes: Sequence[int], eps: float, **features: Tensor) -> None:
    floating(where, x=x, **features)
    for name, feature in features.items():
        if feature.shape != sizes:
            raise ValueError(
                f"{where}: got {name} of shape {tuple(feature.shape)} for x of shape {tuple(x.shape)}, "
                f"expected shape {tuple(sizes)}"
            )
    same_device(where, x=x, **features)
    nonnegative(where, eps=eps)


def _check_gradient(where: str, grad_out: Tensor, x: Tensor) -> None:
    floating(where, grad_out=grad_out)
    same_shape(where, grad_out=grad_out, x=x)
    same_device(where, grad_out=grad_out, x=x)
