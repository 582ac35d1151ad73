"""Update rules from scratch, each a pure function, and one class that runs any of them as a ``torch.optim.Optimizer``.

The contract that all rules share::

    delta, state = rule(grad, state, *, lr, ...)

``grad`` is the gradient of the loss with respect to one parameter tensor (any shape), ``state`` what the rule
remembers about that parameter: a dict, empty before the first step. The rule returns the change to ADD to the
parameter and the new state, and changes neither of its inputs. Nothing in a rule knows about modules, loops or
devices, so the same text serves the book, a training run, and a trajectory in the plane. Hyperparameters have
PyTorch's names and defaults; :math:`\\varepsilon` (``eps``) stands outside the root, as in PyTorch.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from nnutils.arguments import one_of

__all__ = [
    "RULES",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Optimizer",
    "RMSprop",
    "adagrad",
    "adam",
    "adamax",
    "minimize",
    "momentum",
    "nesterov",
    "rmsprop",
    "sgd",
]

State = dict[str, Any]
Rule = Callable[..., tuple[Tensor, State]]


def sgd(grad: Tensor, state: State, *, lr: float) -> tuple[Tensor, State]:
    """Gradient descent: ``delta = -lr * g`` (Robbins and Monro 1951).

    Examples
    --------
    >>> sgd(torch.tensor([2.0]), {}, lr=0.1)
    (tensor([-0.2000]), {})
    """
    return -lr * grad, state


def momentum(grad: Tensor, state: State, *, lr: float, momentum: float = 0.9) -> tuple[Tensor, State]:
    """Heavy ball (Polyak 1964) in PyTorch's form: ``b = mu b + g``, ``delta = -lr b``."""
    buffer = momentum * state.get("buffer", 0.0) + grad
    return -lr * buffer, {"buffer": buffer}


def nesterov(grad: Tensor, state: State, *, lr: float, momentum: float = 0.9) -> tuple[Tensor, State]:
    """Nesterov momentum (Sutskever et al. 2013, section 2) in PyTorch's form.

    ``b = mu b + g``, ``delta = -lr (g + mu b)``. What it moves are the look-ahead points of the textbook form.
    """
    buffer = momentum * state.get("buffer", 0.0) + grad
    return -lr * (grad + momentum * buffer), {"buffer": buffer}


def adagrad(grad: Tensor, state: State, *, lr: float = 0.01, eps: float = 1e-10) -> tuple[Tensor, State]:
    """Adagrad: ``G = G + g^2``, ``delta = -lr g / (sqrt(G) + eps)`` (Duchi et al. 2011, diagonal form, equation 1)."""
    total = state.get("sum", 0.0) + grad**2
    return -lr * grad / (total.sqrt() + eps), {"sum": total}


def rmsprop(
    grad: Tensor, state: State, *, lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8
) -> tuple[Tensor, State]:
    """RMSProp: ``s = alpha s + (1 - alpha) g^2``, ``delta = -lr g / (sqrt(s) + eps)`` (Tieleman, Hinton 2012)."""
    square = alpha * state.get("square", 0.0) + (1 - alpha) * grad**2
    return -lr * grad / (square.sqrt() + eps), {"square": square}


def adam(
    grad: Tensor, state: State, *, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
) -> tuple[Tensor, State]:
    """Adam (Kingma and Ba 2015, algorithm 1); ``t`` counts steps from 1.

    ``m = beta_1 m + (1 - beta_1) g``, ``s = beta_2 s + (1 - beta_2) g^2``,
    ``delta = -lr * m / (1 - beta_1^t) / (sqrt(s / (1 - beta_2^t)) + eps)``
    """
    beta1, beta2 = betas
    step = state.get("step", 0) + 1
    mean = beta1 * state.get("mean", 0.0) + (1 - beta1) * grad
    square = beta2 * state.get("square", 0.0) + (1 - beta2) * grad**2
    mean_hat = mean / (1 - beta1**step)
    square_hat = square / (1 - beta2**step)
    return -lr * mean_hat / (square_hat.sqrt() + eps), {"step": step, "mean": mean, "square": square}


def adamax(
    grad: Tensor, state: State, *, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
) -> tuple[Tensor, State]:
    """Adamax (Kingma and Ba 2015, algorithm 2).

    ``m = beta_1 m + (1 - beta_1) g``, ``u = max(beta_2 u, |g| + eps)``, ``delta = -lr m / (1 - beta_1^t) / u``.
    The paper has no ``eps``; PyTorch adds it to ``|g|`` so that a gradient of zero divides nothing by zero.
    """
    beta1, beta2 = betas
    step = state.get("step", 0) + 1
    mean = beta1 * state.get("mean", 0.0) + (1 - beta1) * grad
    largest = torch.maximum(beta2 * state.get("largest", torch.zeros_like(grad)), grad.abs() + eps)
    return -lr * mean / (1 - beta1**step) / largest, {"step": step, "mean": mean, "largest": largest}


RULES: dict[str, Rule] = {rule.__name__: rule for rule in (sgd, momentum, nesterov, adagrad, rmsprop, adam, adamax)}


def minimize(
    name: str,
    f: Callable[[Tensor], Tensor],
    start: Iterable[float],
    *,
    steps: int,
    grad: Callable[[Tensor], Tensor] | None = None,
    **hyper: Any,
) -> Tensor:
    """Follow one rule on a scalar function and return the path, shape ``(steps + 1, D)``, float64, the start first.

    Parameters
    ----------
    name : str
        A name in ``RULES``.
    f : callable
        Maps a float64 tensor of shape ``(D,)`` to a 0-d tensor; its gradient is taken by autograd.
    start : sequence of D floats
    steps : int
        Number of updates, 0 or more.
    grad : callable, optional
        Gradient to use in place of autograd's (a noisy one, for example).
    **hyper
        The rule's hyperparameters, ``lr`` first of all.

    Raises
    ------
    ValueError
        Unknown name, or a negative number of steps.

    Examples
    --------
    >>> minimize("sgd", lambda w: (w**2).sum(), [1.0], steps=2, lr=0.25)
    tensor([[1.0000],
            [0.5000],
            [0.2500]], dtype=torch.float64)
    """
    rule = RULES[one_of("optimizer", name, RULES)]
    if steps < 0:
        raise ValueError(f"minimize: got steps={steps}, expected 0 or more")
    w = torch.as_tensor(list(start), dtype=torch.float64)
    path, state = [w], State()
    for _ in range(steps):
        delta, state = rule(grad(w) if grad else torch.func.grad(f)(w), state, **hyper)
        w = w + delta
        path.append(w)
    return torch.stack(path)


class Optimizer(torch.optim.Optimizer):
    """Run a rule on a model's parameters; a PyTorch scheduler can drive its ``lr``.

    Parameters
    ----------
    params : iterable of Tensor or of parameter groups
    rule : callable
        One of the rules above.
    lr : float
        Learning rate, 0 or more.
    weight_decay : float
        Coefficient of the penalty. Coupled (default): ``weight_decay * w`` is added to the gradient, as in
        ``torch.optim.Adam``. With ``decoupled=True`` the weights shrink by ``lr * weight_decay * w`` apart from
        the rule (Loshchilov and Hutter 2019, algorithm 2), as in ``torch.optim.AdamW``.
    **hyper
        Further hyperparameters of the rule.

    Raises
    ------
    ValueError
        A learning rate, decay or other hyperparameter is out of range.
    """

    def __init__(
        self,
        params: Iterable[Any],
        rule: Rule,
        *,
        lr: float,
        weight_decay: float = 0.0,
        decoupled: bool = False,
        **hyper: Any,
    ) -> None:
        _check_range(lr=lr, weight_decay=weight_decay, **hyper)
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, **hyper})
        self.rule, self.decoupled, self.hyper = rule, decoupled, ("lr", *hyper)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Update every parameter that has a gradient; returns the closure's loss, if a closure is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            hyper = {key: group[key] for key in self.hyper}
            decay = group["weight_decay"]
            for w in group["params"]:
                if w.grad is None:
                    continue
                grad = w.grad if self.decoupled or not decay else w.grad + decay * w
                if self.decoupled:
                    w.mul_(1 - group["lr"] * decay)
                delta, self.state[w] = self.rule(grad, self.state[w], **hyper)
                w.add_(delta)
        return loss


def _check_range(**hyper: Any) -> None:
    for name, value in hyper.items():
        if name == "betas":
            _check_range(**{f"betas[{i}]": beta for i, beta in enumerate(value)})
        elif name in ("momentum", "alpha") or name.startswith("betas"):
            if not 0 <= value < 1:
                raise ValueError(f"optimizer: got {name}={value}, expected 0 <= {name} < 1")
        elif not 0 <= value < float("inf"):
            raise ValueError(f"optimizer: got {name}={value}, expected a finite number, 0 or more")


def SGD(
    params: Iterable[Any], lr: float, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0
) -> Optimizer:
    """Return stochastic gradient descent, plain or with (Nesterov) momentum; equal to ``torch.optim.SGD``."""
    if nesterov and momentum == 0:
        raise ValueError("SGD: got nesterov=True with momentum=0, expected a momentum above 0")
    if momentum == 0:
        return Optimizer(params, sgd, lr=lr, weight_decay=weight_decay)
    rule = RULES["nesterov"] if nesterov else RULES["momentum"]
    return Optimizer(params, rule, lr=lr, momentum=momentum, weight_decay=weight_decay)


def Adagrad(params: Iterable[Any], lr: float = 0.01, eps: float = 1e-10, weight_decay: float = 0.0) -> Optimizer:
    """Return Adagrad; equal to ``torch.optim.Adagrad``."""
    return Optimizer(params, adagrad, lr=lr, eps=eps, weight_decay=weight_decay)


def RMSprop(
    params: Iterable[Any], lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0
) -> Optimizer:
    """Return RMSProp; equal to ``torch.optim.RMSprop``."""
    return Optimizer(params, rmsprop, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay)


def Adam(
    params: Iterable[Any],
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Return Adam with coupled weight decay; equal to ``torch.optim.Adam``."""
    return Optimizer(params, adam, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)


def Adamax(
    params: Iterable[Any],
    lr: float = 2e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Return Adamax; equal to ``torch.optim.Adamax``."""
    return Optimizer(params, adamax, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)


def AdamW(
    params: Iterable[Any],
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> Optimizer:
    """Return Adam with decoupled weight decay; equal to ``torch.optim.AdamW``."""
    return Optimizer(params, adam, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, decoupled=True)
