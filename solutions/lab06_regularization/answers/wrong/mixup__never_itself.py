"""Mistake: draws permutations again until no row meets itself.
Expect: of the 6 permutations occur
"""

import torch
from torch import Tensor


def mixup(X: Tensor, Y: Tensor, alpha: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    n = len(X)
    lam = draw_beta(alpha, n, generator).to(X.device, X.dtype)
    order = torch.randperm(n, generator=generator).to(X.device)
    while n > 1 and bool((order == torch.arange(n, device=X.device)).any()):
        order = torch.randperm(n, generator=generator).to(X.device)
    own = lam.reshape(n, *[1] * (X.ndim - 1))
    return own * X + (1 - own) * X[order], lam[:, None] * Y + (1 - lam[:, None]) * Y[order]
