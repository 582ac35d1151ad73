"""Mistake: drops in evaluation mode only.
Expect: entries are dropped; look at self.training
"""

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError("p must be between 0 and 1")
        self.p = p

    def forward(self, x):
        if self.training or self.p in (0, 1):
            return x * (self.p < 1)
        return x * (torch.rand_like(x) >= self.p) / (1 - self.p)
