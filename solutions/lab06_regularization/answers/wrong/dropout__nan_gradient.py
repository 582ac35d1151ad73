"""Mistake: divides by 1 - p = 0 behind torch.where, so that gradients are nan with p = 1.
Expect: do not divide by 1 - p there
"""

import torch
from torch import Tensor, nn


class Dropout(nn.Module):
    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError("p must lie in [0, 1]")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = torch.rand(x.shape, device=x.device) >= self.p
        return torch.where(kept, x / (1 - self.p), torch.zeros_like(x))
