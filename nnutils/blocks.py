r"""What networks are built of: a chain of dense layers, a residual block, heads at several depths.

The last two keep the gradient of a deep net alive by a short way from the loss to an early layer: the residual block
past each of its branches, the auxiliary heads past the layers behind them. All are plain modules over ``(N, width)``
that draw their weights as ``nn.Linear`` does, from PyTorch's global generator; ``nnutils.init`` can fill them anew.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from nnutils.arguments import nonnegative, whole

__all__ = ["AuxiliaryHeads", "ResidualBlock", "auxiliary_loss", "mlp"]


def mlp(*sizes: int, activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Return a multilayer perceptron: linear layers of these sizes with an activation between them, logits out.

    Parameters
    ----------
    *sizes : int
        Inputs, units of each hidden layer, outputs: two or more.
    activation : callable
        Makes the module between two layers, such as ``nn.ReLU``.

    Raises
    ------
    ValueError
        Fewer than two sizes, one below 1, or a module in place of what makes one.

    Examples
    --------
    >>> mlp(64, 32, 10)
    Sequential(
      (0): Linear(in_features=64, out_features=32, bias=True)
      (1): ReLU()
      (2): Linear(in_features=32, out_features=10, bias=True)
    )
    """
    if len(sizes) < 2:
        raise ValueError(f"mlp: got sizes {sizes}, expected inputs, hidden units and outputs, such as mlp(64, 32, 10)")
    for size in sizes:
        whole("mlp", 1, size=size)
    _check_makers("mlp", activation=activation)
    first, *others = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    return nn.Sequential(first, *(module for layer in others for module in (activation(), layer)))


class ResidualBlock(nn.Module):
    r"""A block that adds what its branch computes to its input, :math:`y = x + F(x)`.

    The branch is ``Linear - activation - Linear``, with a normalization in front if one is given. Nothing follows the
    addition: the input of the first block reaches the output of the last as it is, and so does the gradient on its
    way back, beside what the branches add. A ReLU after the addition would cut what is negative in every block.

    Sources: He et al. 2016, Deep Residual Learning, for the sum; He et al. 2016, Identity Mappings, for the free path
    (pre-activation; there an activation stands in front of the first layer of the branch too).

    Parameters
    ----------
    width : int
        Features of the input and the output, ``(N, width)``.
    hidden : int, optional
        Features inside the branch; as many as ``width`` by default.
    activation : callable
        Makes the module between the two layers, such as ``nn.ReLU``.
    normalization : callable, optional
        Makes a module from ``width``, such as ``nnutils.normalization.LayerNorm``.
    zero_init : bool
        Start with the last layer of the branch at 0, so that the block starts as the identity, however deep the net
        (Goyal et al. 2017, section 5.1, for the scale of the last batch norm; Zhang et al. 2019, Fixup, for the last
        layer). The layers before it get their first gradient once the last one has moved.

    Raises
    ------
    ValueError
        A width below 1, or a module in place of what makes one.

    Examples
    --------
    >>> import torch
    >>> block = ResidualBlock(2)
    >>> block(torch.tensor([[1.0, -2.0]]))
    tensor([[ 1., -2.]], grad_fn=<AddBackward0>)
    """

    def __init__(
        self,
        width: int,
        *,
        hidden: int | None = None,
        activation: Callable[[], nn.Module] = nn.ReLU,
        normalization: Callable[[int], nn.Module] | None = None,
        zero_init: bool = True,
    ) -> None:
        hidden = width if hidden is None else hidden
        whole("ResidualBlock", 1, width=width, hidden=hidden)
        _check_makers("ResidualBlock", activation=activation, normalization=normalization or nn.Identity)
        super().__init__()
        first, last = nn.Linear(width, hidden), nn.Linear(hidden, width)
        if zero_init:
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        norm = [] if normalization is None else [normalization(width)]
        self.branch = nn.Sequential(*norm, first, activation(), last)

    def forward(self, x: Tensor) -> Tensor:
        """Return the input plus what the branch makes of it, ``(N, width)``."""
        return x + self.branch(x)


class AuxiliaryHeads(nn.Module):
    r"""A net with a linear classifier at its end and further ones at chosen depths (Szegedy et al. 2015, section 5).

    In training mode ``forward`` returns the logits of all heads as a list in order of depth, the final ones LAST, for
    ``auxiliary_loss``. In evaluation mode it returns the final logits alone, so that the net is used like any other.

    Parameters
    ----------
    body : sequence of modules
        Applied one after the other to an input ``(N, D)``.
    num_classes : int
    after : sequence of int
        Positions in the body, from 0, behind which an auxiliary head sits: rising, and before the last position,
        where the final head is.
    widths : sequence of int, optional
        Features that each head gets, the final one last. By default the ``out_features`` of the last ``nn.Linear`` up
        to there.

    Raises
    ------
    ValueError
        Positions outside the body or out of order, a wrong number of widths, or no width to be found.

    Examples
    --------
    >>> import torch
    >>> body = [nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6), nn.ReLU()]
    >>> net = AuxiliaryHeads(body, 3, after=[1])
    >>> [tuple(logits.shape) for logits in net(torch.zeros(5, 4))], net.heads
    ([(5, 3), (5, 3)], ModuleList(
      (0): Linear(in_features=8, out_features=3, bias=True)
      (1): Linear(in_features=6, out_features=3, bias=True)
    ))
    >>> net.eval()(torch.zeros(5, 4)).shape
    torch.Size([5, 3])
    """

    def __init__(
        self, body: Sequence[nn.Module], num_classes: int, *, after: Sequence[int], widths: Sequence[int] | None = None
    ) -> None:
        whole("AuxiliaryHeads", 1, num_classes=num_classes)
        depths = (*after, len(body) - 1) if isinstance(after, Sequence) else (-1,)
        if depths[0] < 0 or any(later <= earlier for earlier, later in pairwise(depths)):
            raise ValueError(
                f"AuxiliaryHeads: got after={after} for a body of {len(body)} modules, "
                "expected rising positions from 0, before the last"
            )
        widths = [_width(body[: depth + 1]) for depth in depths] if widths is None else widths
        if len(widths) != len(depths):
            raise ValueError(f"AuxiliaryHeads: got {len(widths)} widths for {len(depths)} heads, expected one for each")
        super().__init__()
        self.depths = depths
        self.body = nn.ModuleList(body)
        self.heads = nn.ModuleList(nn.Linear(width, num_classes) for width in widths)

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Return the final logits ``(N, num_classes)``, in training mode a list with those of all heads."""
        features = []
        for module in self.body:
            x = module(x)
            features.append(x)
        if not self.training:
            return self.heads[-1](x)
        return [head(features[depth]) for head, depth in zip(self.heads, self.depths, strict=True)]


def auxiliary_loss(
    outputs: Tensor | Sequence[Tensor],
    targets: Tensor,
    *,
    weight: float = 0.3,
    loss_fn: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
) -> Tensor:
    r"""Return :math:`\ell(z_\mathrm{final}) + w \sum_i \ell(z_i)`, i over the auxiliary heads.

    Source: Szegedy et al. 2015, section 5, with :math:`w = 0.3`.

    Parameters
    ----------
    outputs : list of Tensor, or Tensor
        What ``AuxiliaryHeads`` returns: in training a list, the final logits last; in evaluation the final logits.
        So one loss serves both modes of ``nnutils.train.fit``.
    targets : Tensor
    weight : float
        0 or more.
    loss_fn : callable
        Maps logits and targets to a loss.

    Raises
    ------
    ValueError
        No outputs, or a weight out of range.

    Examples
    --------
    >>> import torch
    >>> logits, targets = torch.zeros(1, 2), torch.tensor([0])
    >>> auxiliary_loss(logits, targets), auxiliary_loss([logits, logits], targets, weight=1.0)
    (tensor(0.6931), tensor(1.3863))
    """
    nonnegative("auxiliary_loss", weight=weight)
    if isinstance(outputs, Tensor):
        return loss_fn(outputs, targets)
    if len(outputs) == 0:
        raise ValueError("auxiliary_loss: got no outputs, expected a list that ends in the final logits")
    *auxiliary, final = (loss_fn(logits, targets) for logits in outputs)
    return sum((weight * loss for loss in auxiliary), final)


def _check_makers(where: str, **makers: Callable[..., nn.Module]) -> None:
    for name, make in makers.items():
        if isinstance(make, nn.Module) or not callable(make):
            raise ValueError(f"{where}: got {name}={make!r}, expected what makes a module, such as the class nn.ReLU")


def _width(modules: Sequence[nn.Module]) -> int:
    linear = [part for module in modules for part in module.modules() if isinstance(part, nn.Linear)]
    if not linear:
        raise ValueError("AuxiliaryHeads: found no nn.Linear in front of a head, expected widths=[...]")
    return linear[-1].out_features
