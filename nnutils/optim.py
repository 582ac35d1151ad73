r"""Update rules from scratch, each a pure function, and one class that runs any of them as a ``torch.optim.Optimizer``.

The contract that all rules share::

    delta, state = rule(grad, state, *, lr, ...)

``grad`` is the gradient of the loss with respect to one parameter tensor (any shape), ``state`` what the rule
remembers about that parameter: a dict in which a missing entry counts as 0, so that it is empty before the first step.
The rule returns the change to ADD to the parameter and the new state, and changes neither of its inputs. Nothing in a
rule knows about modules, loops or devices, so the same text serves the book, a training run, and a trajectory in the
plane; from ``initial_state``, which holds tensors only, it serves compiled, captured and stacked runs as well.
Hyperparameters have PyTorch's names and defaults; :math:`\varepsilon` (``eps``) stands outside the root, as in PyTorch.
A rule checks no argument, so that it compiles: ``Optimizer`` and ``minimize`` do.
"""

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from nnutils.arguments import below_one, nonnegative, one_of, same_shape, shape, whole

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
    "initial_state",
    "minimize",
    "momentum",
    "nesterov",
    "rmsprop",
    "sgd",
    "update",
]

State = dict[str, Any]
Rule = Callable[..., tuple[Tensor, State]]


def sgd(grad: Tensor, state: State, *, lr: float) -> tuple[Tensor, State]:
    r"""Return the step of gradient descent: :math:`\Delta = -\eta g` (Robbins and Monro 1951).

    Examples
    --------
    >>> sgd(torch.tensor([2.0]), {}, lr=0.1)
    (tensor([-0.2000]), {})
    """
    return -lr * grad, state


def momentum(grad: Tensor, state: State, *, lr: float, momentum: float = 0.9) -> tuple[Tensor, State]:
    r"""Return the step of the heavy ball (Polyak 1964) in PyTorch's form: :math:`b = \mu b + g, \Delta = -\eta b`.

    Examples
    --------
    >>> g = torch.tensor([1.0])
    >>> delta, state = momentum(g, {}, lr=0.1)
    >>> momentum(g, state, lr=0.1)
    (tensor([-0.1900]), {'buffer': tensor([1.9000])})
    """
    buffer = momentum * state.get("buffer", 0.0) + grad
    return -lr * buffer, {"buffer": buffer}


def nesterov(grad: Tensor, state: State, *, lr: float, momentum: float = 0.9) -> tuple[Tensor, State]:
    r"""Return the step of Nesterov's momentum (Sutskever et al. 2013, section 2) in PyTorch's form.

    :math:`b = \mu b + g, \Delta = -\eta (g + \mu b)`. What it moves are the look-ahead points of the textbook form.

    Examples
    --------
    >>> nesterov(torch.tensor([1.0]), {}, lr=0.1)
    (tensor([-0.1900]), {'buffer': tensor([1.])})
    """
    buffer = momentum * state.get("buffer", 0.0) + grad
    return -lr * (grad + momentum * buffer), {"buffer": buffer}


def adagrad(grad: Tensor, state: State, *, lr: float = 0.01, eps: float = 1e-10) -> tuple[Tensor, State]:
    r"""Return the step of Adagrad (Duchi et al. 2011, equation 1: the diagonal form).

    :math:`G = G + g^2, \Delta = -\eta\, g / (\sqrt G + \varepsilon)`

    Examples
    --------
    >>> adagrad(torch.tensor([1.0, 100.0]), {}, lr=0.1)
    (tensor([-0.1000, -0.1000]), {'sum': tensor([1.0000e+00, 1.0000e+04])})
    """
    total = state.get("sum", 0.0) + grad**2
    return -lr * grad / (total.sqrt() + eps), {"sum": total}


def rmsprop(
    grad: Tensor, state: State, *, lr: float = 0.01, alpha: float = 0.99, eps: float = 1e-8
) -> tuple[Tensor, State]:
    r"""Return the step of RMSProp (Tieleman and Hinton 2012).

    :math:`s = \alpha s + (1 - \alpha) g^2, \Delta = -\eta\, g / (\sqrt s + \varepsilon)`

    Examples
    --------
    >>> rmsprop(torch.tensor([1.0, 100.0]), {}, lr=0.1, alpha=0.75)
    (tensor([-0.2000, -0.2000]), {'square': tensor([2.5000e-01, 2.5000e+03])})
    """
    square = alpha * state.get("square", 0.0) + (1 - alpha) * grad**2
    return -lr * grad / (square.sqrt() + eps), {"square": square}


def adam(
    grad: Tensor, state: State, *, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8
) -> tuple[Tensor, State]:
    r"""Return the step of Adam (Kingma and Ba 2015, algorithm 1); ``step`` counts t from 1.

    :math:`m = \beta_1 m + (1 - \beta_1) g, s = \beta_2 s + (1 - \beta_2) g^2,
    \Delta = -\eta\, \frac{m}{1 - \beta_1^t} \Big/ \Big(\sqrt{\frac{s}{1 - \beta_2^t}} + \varepsilon\Big)`

    Examples
    --------
    >>> delta, state = adam(torch.tensor([1.0, 100.0]), {}, lr=0.1)
    >>> delta, state["step"]
    (tensor([-0.1000, -0.1000]), 1)
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
    r"""Return the step of Adamax (Kingma and Ba 2015, algorithm 2).

    :math:`m = \beta_1 m + (1 - \beta_1) g, u = \max(\beta_2 u, |g| + \varepsilon),
    \Delta = -\eta\, m / (1 - \beta_1^t) / u`

    The paper has no :math:`\varepsilon`; PyTorch adds it to :math:`|g|`, so that a gradient of 0 does not give 0/0.

    Examples
    --------
    >>> delta, state = adamax(torch.tensor([1.0, 100.0]), {}, lr=0.1)
    >>> delta, state["largest"]
    (tensor([-0.1000, -0.1000]), tensor([  1., 100.]))
    """
    beta1, beta2 = betas
    step = state.get("step", 0) + 1
    mean = beta1 * state.get("mean", 0.0) + (1 - beta1) * grad
    largest = torch.maximum(beta2 * state.get("largest", torch.zeros_like(grad)), grad.abs() + eps)
    return -lr * mean / (1 - beta1**step) / largest, {"step": step, "mean": mean, "largest": largest}


RULES: dict[str, Rule] = {rule.__name__: rule for rule in (sgd, momentum, nesterov, adagrad, rmsprop, adam, adamax)}
"""The rules by name."""


def initial_state(rule: Rule, weight: Tensor) -> State:
    """Return the state before the first step as tensors, zeros all: what a run needs that does not return to Python.

    ``torch.compile`` would compile anew for each value of a Python number, a CUDA graph would keep the one that it
    recorded, and ``torch.func.vmap`` stacks tensors only. The step count is float64 (float32 on Apple's GPUs, which
    have no float64), because :math:`1 - 0.999^t` loses four digits in float32.

    Parameters
    ----------
    rule : callable
        One of the rules above.
    weight : Tensor
        The parameter, any shape; only its shape, dtype and device are used.

    Examples
    --------
    >>> sorted(initial_state(adam, torch.ones(2)).items())
    [('mean', tensor([0., 0.])), ('square', tensor([0., 0.])), ('step', tensor(0., dtype=torch.float64))]
    """
    _, state = rule(torch.zeros_like(weight), {}, lr=0.0)
    count = torch.zeros((), dtype=torch.float32 if weight.device.type == "mps" else torch.float64, device=weight.device)
    return {key: torch.zeros_like(value if isinstance(value, Tensor) else count) for key, value in state.items()}


def update(
    rule: Rule,
    w: Tensor,
    grad: Tensor,
    state: State,
    *,
    lr: float | Tensor,
    weight_decay: float = 0.0,
    decoupled: bool = False,
    **hyper: Any,
) -> State:
    """Change ``w`` in place by one step of a rule, with weight decay as ``Optimizer`` has it; return the new state.

    To be called under ``torch.no_grad()`` where ``w`` requires a gradient.

    Examples
    --------
    >>> w = torch.tensor([1.0])
    >>> update(sgd, w, torch.tensor([2.0]), {}, lr=0.1), w
    ({}, tensor([0.8000]))
    """
    if decoupled:
        w.mul_(1 - lr * weight_decay)
    elif weight_decay:
        grad = grad + weight_decay * w
    delta, state = rule(grad, state, lr=lr, **hyper)
    w.add_(delta)
    return state


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
        Unknown name, a hyperparameter out of range, a negative number of steps, or a gradient of another shape.

    Examples
    --------
    >>> minimize("sgd", lambda w: (w**2).sum(), [1.0], steps=2, lr=0.25)
    tensor([[1.0000],
            [0.5000],
            [0.2500]], dtype=torch.float64)
    """
    rule = RULES[one_of("minimize", name, RULES)]
    whole("minimize", 0, steps=steps)
    for key, value in hyper.items():
        _check_range("minimize", key, value)
    w = torch.as_tensor(list(start), dtype=torch.float64)
    path, state = [w], State()
    for _ in range(steps):
        gradient = grad(w) if grad else torch.func.grad(f)(w)
        shape("minimize", "(D,)", start=w, grad=gradient)
        same_shape("minimize", start=w, grad=gradient)
        delta, state = rule(gradient, state, **hyper)
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
        the rule (Loshchilov and Hutter 2019, algorithm 2, but there without the factor ``lr``), as in
        ``torch.optim.AdamW``.
    **hyper
        Further hyperparameters of the rule.

    Raises
    ------
    ValueError
        No parameters; or a hyperparameter, also one of a parameter group, is out of range or none of this rule.
    TypeError
        A model or one tensor in place of a list of tensors.

    Examples
    --------
    >>> w = torch.tensor([1.0, -1.0], requires_grad=True)
    >>> optimizer = Optimizer([w], momentum, lr=0.1, momentum=0.5)
    >>> (w**2).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.8000, -0.8000], requires_grad=True)
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
        if isinstance(params, nn.Module):
            raise TypeError(f"optimizer: got the model {type(params).__name__}, expected model.parameters()")
        if isinstance(params, Tensor) or not isinstance(params, Iterable):
            raise TypeError(
                f"optimizer: got {type(params).__name__}, expected a list of tensors, such as model.parameters() or [w]"
            )
        params = list(params)
        if not params:
            raise ValueError(
                "optimizer: got no parameters, expected at least one; a generator can be read only once, "
                "so call model.parameters() anew"
            )
        known = [name for name, one in inspect.signature(rule).parameters.items() if one.kind is one.KEYWORD_ONLY]
        for name in hyper:
            one_of("optimizer: hyperparameter", name, known)
        self.rule, self.decoupled, self.hyper = rule, decoupled, ("lr", *hyper)
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, **hyper})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with hyperparameters of their own; what is not given is as for the others."""
        for name in param_group.keys() - {"params", "param_names", "initial_lr"}:
            one_of("optimizer: hyperparameter of a group", name, self.defaults)
        super().add_param_group(param_group)
        for name in (*self.hyper, "weight_decay"):
            _check_range("optimizer", name, self.param_groups[-1][name])

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what ``state_dict()`` of an optimizer with the same rule returned; another one's state is refused."""
        expected = set(initial_state(self.rule, torch.zeros(1)))
        for state in state_dict["state"].values():
            if set(state) != expected:
                raise ValueError(
                    f"optimizer: got a state of {', '.join(sorted(state)) or 'nothing'}, expected one of "
                    f"{', '.join(sorted(expected)) or 'nothing'}; load what an optimizer with the same rule has saved"
                )
        super().load_state_dict(state_dict)

    def hyperparameters(self, group: dict[str, Any]) -> dict[str, Any]:
        """Return what ``update`` takes beside the tensors, as it is in one of ``param_groups``."""
        return {key: group[key] for key in (*self.hyper, "weight_decay")} | {"decoupled": self.decoupled}

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """Update every parameter that has a gradient; returns the closure's loss, if a closure is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            hyper = self.hyperparameters(group)
            for w in group["params"]:
                if w.grad is not None:
                    self.state[w] = update(self.rule, w, w.grad, self.state[w], **hyper)
        return loss


def _check_range(where: str, name: str, value: Any) -> None:
    if name == "betas":
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise ValueError(f"{where}: got betas={value}, expected two numbers, such as (0.9, 0.999)")
        below_one(where, **{f"betas[{i}]": beta for i, beta in enumerate(value)})
    elif name in ("momentum", "alpha"):
        below_one(where, **{name: value})
    else:
        nonnegative(where, **{name: value})


def SGD(
    params: Iterable[Any], lr: float, *, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0
) -> Optimizer:
    """Return stochastic gradient descent, plain or with (Nesterov) momentum; equal to ``torch.optim.SGD``.

    Raises
    ------
    ValueError
        ``nesterov`` without momentum, or a hyperparameter out of range.

    Examples
    --------
    >>> w = torch.ones(1, requires_grad=True)
    >>> w.grad = torch.full((1,), 4.0)
    >>> SGD([w], lr=0.125).step()
    >>> w
    tensor([0.5000], requires_grad=True)
    """
    if nesterov and momentum == 0:
        raise ValueError("SGD: got nesterov=True with momentum=0, expected a momentum above 0")
    if momentum == 0:
        return Optimizer(params, sgd, lr=lr, weight_decay=weight_decay)
    rule = RULES["nesterov"] if nesterov else RULES["momentum"]
    return Optimizer(params, rule, lr=lr, momentum=momentum, weight_decay=weight_decay)


def Adagrad(params: Iterable[Any], lr: float = 0.01, *, eps: float = 1e-10, weight_decay: float = 0.0) -> Optimizer:
    """Return Adagrad; equal to ``torch.optim.Adagrad``.

    Examples
    --------
    >>> w = torch.ones(1, requires_grad=True)
    >>> w.grad = torch.full((1,), 4.0)
    >>> Adagrad([w], lr=0.25).step()
    >>> w
    tensor([0.7500], requires_grad=True)
    """
    return Optimizer(params, adagrad, lr=lr, eps=eps, weight_decay=weight_decay)


def RMSprop(
    params: Iterable[Any], lr: float = 0.01, *, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0
) -> Optimizer:
    """Return RMSProp; equal to ``torch.optim.RMSprop``.

    Examples
    --------
    >>> w = torch.ones(1, requires_grad=True)
    >>> w.grad = torch.full((1,), 4.0)
    >>> RMSprop([w], lr=0.25, alpha=0.75).step()
    >>> w
    tensor([0.5000], requires_grad=True)
    """
    return Optimizer(params, rmsprop, lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay)


def Adam(
    params: Iterable[Any],
    lr: float = 1e-3,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Return Adam with coupled weight decay; equal to ``torch.optim.Adam``.

    Examples
    --------
    >>> w = torch.ones(1, requires_grad=True)
    >>> w.grad = torch.full((1,), 4.0)
    >>> Adam([w], lr=0.25).step()
    >>> w
    tensor([0.7500], requires_grad=True)
    """
    return Optimizer(params, adam, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)


def Adamax(
    params: Iterable[Any],
    lr: float = 2e-3,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Return Adamax; equal to ``torch.optim.Adamax``.

    Examples
    --------
    >>> w = torch.ones(1, requires_grad=True)
    >>> w.grad = torch.full((1,), 4.0)
    >>> Adamax([w], lr=0.25).step()
    >>> w
    tensor([0.7500], requires_grad=True)
    """
    return Optimizer(params, adamax, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)


def AdamW(
    params: Iterable[Any],
    lr: float = 1e-3,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
) -> Optimizer:
    """Return Adam with decoupled weight decay; equal to ``torch.optim.AdamW``.

    Examples
    --------
    >>> w = torch.ones(1, requires_grad=True)
    >>> w.grad = torch.full((1,), 4.0)
    >>> AdamW([w], lr=0.25, weight_decay=1.0).step()
    >>> w
    tensor([0.5000], requires_grad=True)
    """
    return Optimizer(params, adam, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, decoupled=True)
