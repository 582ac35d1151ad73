r"""Loss functions from scratch, each with its gradient in closed form.

The contract that all share: ``loss(first, targets, *, reduction="mean")`` compares what a network puts out with what
it should, in floating point. ``reduction`` is PyTorch's: ``"none"`` returns one loss for each sample (cross-entropy)
or each entry (the others), ``"sum"`` their sum, ``"mean"`` their mean, both 0-d. ``loss_gradient(first, targets)``
returns the gradient of the MEAN loss with respect to the first argument, in its shape. What a network puts out are
logits, never probabilities: the logarithm of a probability that is too small for a floating-point number is minus
infinity, its logit is an ordinary number. Every loss is finite and right for logits of :math:`\pm 1000`.

Shapes that would broadcast are refused, because a mean over the wrong pairs looks like a loss. To see that targets are
in range, the functions read numbers from the device, and a GPU waits: PyTorch's own losses train faster.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from nnutils.activations import log_softmax, relu, sigmoid, softmax
from nnutils.arguments import class_indices, floating, one_of, probability, same_device, same_shape, shape

__all__ = [
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_gradient",
    "cross_entropy",
    "cross_entropy_gradient",
    "mse",
    "mse_gradient",
]


def cross_entropy(logits: Tensor, targets: Tensor, *, label_smoothing: float = 0.0, reduction: str = "mean") -> Tensor:
    r"""Return the cross-entropy of softmax outputs, :math:`\ell_n = -\sum_k q_{nk} \log \mathrm{softmax}(z_n)_k`.

    Here :math:`q = (1 - \alpha) y + \alpha / C`, where :math:`y` is one-hot or the given probabilities and
    :math:`\alpha` is ``label_smoothing`` (Szegedy et al. 2016, Rethinking the Inception architecture, section 7). With
    smoothing the loss does not go down to 0 but to the entropy of :math:`q`. For equal logits it is :math:`\log C`.

    Parameters
    ----------
    logits : Tensor of shape (N, C)
    targets : Tensor
        Class indices of shape ``(N,)``, int64, or probabilities of shape ``(N, C)``, floating point.
    label_smoothing : float
        Between 0 and 1.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        Wrong shape, dtype or device, no samples, a label out of range, probabilities that do not sum to 1 to within
        1e-4, an unknown reduction.

    Examples
    --------
    >>> logits = torch.tensor([[2.0, 0.0, -1.0], [0.0, -1000.0, 1000.0]])
    >>> cross_entropy(logits, torch.tensor([0, 0]), reduction="none")
    tensor([1.6985e-01, 1.0000e+03])
    """
    q = _distribution("cross_entropy", logits, targets, label_smoothing)
    return _reduce("cross_entropy", -(q * log_softmax(logits)).sum(1), reduction)


def cross_entropy_gradient(logits: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    r"""Return :math:`\partial J / \partial z_{nk} = (\mathrm{softmax}(z_n)_k - q_{nk}) / N`, shape ``(N, C)``.

    Targets, :math:`q` and errors are those of ``cross_entropy``. Every row sums to 0.

    Examples
    --------
    >>> cross_entropy_gradient(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    tensor([[ 0.5000, -0.5000]])
    """
    q = _distribution("cross_entropy_gradient", logits, targets, label_smoothing)
    return (softmax(logits) - q) / len(logits)


def binary_cross_entropy_with_logits(logits: Tensor, targets: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""Return :math:`\ell = -y \log \sigma(z) - (1 - y) \log(1 - \sigma(z))` for independent yes-or-no outputs.

    Computed as :math:`\max(z, 0) - z y + \log(1 + e^{-|z|})`, in which nothing overflows and no logarithm sees 0.

    Parameters
    ----------
    logits : Tensor of any shape
    targets : Tensor
        Of the same shape, floating point, between 0 and 1.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        Wrong shape, dtype or device, no entries, targets outside [0, 1], an unknown reduction.

    Examples
    --------
    >>> binary_cross_entropy_with_logits(torch.tensor([0.0, -1000.0]), torch.tensor([1.0, 1.0]), reduction="none")
    tensor([6.9315e-01, 1.0000e+03])
    """
    _check_entries("binary_cross_entropy_with_logits", logits=logits, targets=targets)
    _check_probabilities("binary_cross_entropy_with_logits", targets)
    # -|z|, but not by abs: together with the relu, autograd's slope at 0 has to be sigmoid(0) - y
    negative = torch.where(logits <= 0, logits, -logits)
    losses = relu(logits) - logits * targets + torch.log1p(torch.exp(negative))
    return _reduce("binary_cross_entropy_with_logits", losses, reduction)


def binary_cross_entropy_with_logits_gradient(logits: Tensor, targets: Tensor) -> Tensor:
    r"""Return :math:`\partial J / \partial z = (\sigma(z) - y) / n` for n entries, in the shape of the logits.

    Targets and errors are those of ``binary_cross_entropy_with_logits``.

    Examples
    --------
    >>> binary_cross_entropy_with_logits_gradient(torch.tensor([0.0, 1000.0]), torch.tensor([1.0, 1.0]))
    tensor([-0.2500,  0.0000])
    """
    _check_entries("binary_cross_entropy_with_logits_gradient", logits=logits, targets=targets)
    _check_probabilities("binary_cross_entropy_with_logits_gradient", targets)
    return (sigmoid(logits) - targets) / logits.numel()


def mse(predictions: Tensor, targets: Tensor, *, reduction: str = "mean") -> Tensor:
    r"""Return the squared error :math:`(\hat y - y)^2` of each entry, its sum, or its mean over all entries.

    The mean runs over samples and outputs alike, as in ``torch.nn.functional.mse_loss``.

    Parameters
    ----------
    predictions, targets : Tensor
        Of one shape, floating point.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        Wrong shape, dtype or device, no entries, an unknown reduction.

    Examples
    --------
    >>> mse(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]]))
    tensor(2.5000)
    """
    _check_entries("mse", predictions=predictions, targets=targets)
    return _reduce("mse", (predictions - targets) ** 2, reduction)


def mse_gradient(predictions: Tensor, targets: Tensor) -> Tensor:
    r"""Return :math:`\partial J / \partial \hat y = 2 (\hat y - y) / n` for n entries, in their shape.

    Targets and errors are those of ``mse``.

    Examples
    --------
    >>> mse_gradient(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]]))
    tensor([[ 1., -2.]])
    """
    _check_entries("mse_gradient", predictions=predictions, targets=targets)
    return 2 * (predictions - targets) / predictions.numel()


_REDUCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": torch.mean,
    "sum": torch.sum,
    "none": lambda losses: losses,
}


def _reduce(where: str, losses: Tensor, reduction: str) -> Tensor:
    return _REDUCTIONS[one_of(f"{where}: reduction", reduction, _REDUCTIONS)](losses)


def _distribution(where: str, logits: Tensor, targets: Tensor, label_smoothing: float) -> Tensor:
    """Return what cross-entropy compares with, shape ``(N, C)``: rows that sum to 1, smoothed."""
    floating(where, logits=logits)
    shape(where, "(N, C)", logits=logits)
    shape(where, "(...)", targets=targets)
    samples, classes = logits.shape
    if logits.numel() == 0:
        raise ValueError(f"{where}: got logits of shape {(samples, classes)}, expected at least one sample and class")
    if targets.shape not in (logits.shape, logits.shape[:1]):
        raise ValueError(
            f"{where}: got logits of shape {(samples, classes)} and targets of shape {tuple(targets.shape)}, "
            f"expected class indices of shape {(samples,)} or probabilities of shape {(samples, classes)}"
        )
    same_device(where, logits=logits, targets=targets)
    probability(where, label_smoothing=label_smoothing)
    if targets.ndim == 1:
        class_indices(where, targets, classes=classes)
        y = (targets.unsqueeze(1) == torch.arange(classes, device=logits.device)).to(logits.dtype)
    else:
        floating(where, targets=targets)
        _check_probabilities(where, targets)
        wrong = (targets.sum(1) - 1).abs().max().item()
        if wrong > 1e-4:
            raise ValueError(f"{where}: got probabilities whose sum is off by {wrong:.2g}, expected rows that sum to 1")
        y = targets.to(logits.dtype)
    return (1 - label_smoothing) * y + label_smoothing / classes


def _check_entries(where: str, **tensors: Tensor) -> None:
    floating(where, **tensors)
    same_shape(where, **tensors)
    same_device(where, **tensors)
    name, first = next(iter(tensors.items()))
    if first.numel() == 0:
        raise ValueError(f"{where}: got {name} of shape {tuple(first.shape)}, expected at least one entry")


def _check_probabilities(where: str, targets: Tensor) -> None:
    low, high = targets.min().item(), targets.max().item()
    if not (low >= 0 and high <= 1):
        raise ValueError(f"{where}: got targets from {low:.4g} to {high:.4g}, expected 0 <= targets <= 1")
