"""Mistake: any p is taken.
Expect: raise a ValueError for a p outside
"""

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or self.p <= 0:
            return x
        if self.p >= 1:
            return 0 * x
        return x * (torch.rand_like(x) >= self.p) / (1 - self.p)
