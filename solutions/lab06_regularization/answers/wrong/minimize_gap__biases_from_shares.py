"""Mistake: moves the biases by the shares of the classes among the validation rows.
Expect: they may choose, not
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Kernel(nn.Module):
    """Kernel ridge regression on one-hot labels, with a Gaussian kernel."""

    def __init__(self, X: Tensor, y: Tensor, gamma: float, ridge: float) -> None:
        super().__init__()
        self.gamma = gamma
        self.register_buffer("rows", X.clone())
        targets = F.one_hot(y, 10).to(X.dtype) - 0.1
        gram = self.kernel(X) + ridge * torch.eye(len(X), dtype=X.dtype, device=X.device)
        self.register_buffer("dual", torch.linalg.solve(gram, targets))
        self.register_buffer("bias", torch.zeros(10, dtype=X.dtype, device=X.device))

    def kernel(self, X: Tensor) -> Tensor:
        return torch.exp(-self.gamma * torch.cdist(X, self.rows) ** 2)

    def forward(self, X: Tensor) -> Tensor:
        return 5 * self.kernel(X) @ self.dual + self.bias


def minimize_gap(
    X_train: Tensor, y_train: Tensor, X_val: Tensor, y_val: Tensor, generator: torch.Generator
) -> nn.Module:
    def right(model: nn.Module) -> float:
        return float((model(X_val).argmax(1) == y_val).float().mean())

    settings = [(gamma, ridge) for gamma in (0.02, 0.05, 0.1, 0.2) for ridge in (0.3, 1.0, 3.0, 10.0)]
    candidates = [_Kernel(X_train, y_train, *s) for s in settings]
    best = max(range(len(settings)), key=lambda i: right(candidates[i]))
    model = candidates[best]
    share = (y_val.bincount(minlength=10) + 1) / (len(y_val) + 10)
    model.bias += 0.3 * share.log()
    return model.eval()
