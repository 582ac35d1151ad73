"""Mistake: drops exactly the share p of the entries.
Expect: drops the same number of entries
"""

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError("p must be between 0 and 1")
        self.p = p

    def forward(self, x):
        if not self.training:
            return x
        if self.p == 1:
            return 0 * x
        mask = torch.ones(x.numel(), dtype=x.dtype)
        mask[torch.randperm(x.numel())[: round(self.p * x.numel())]] = 0
        return x * mask.reshape(x.shape) / (1 - self.p)
