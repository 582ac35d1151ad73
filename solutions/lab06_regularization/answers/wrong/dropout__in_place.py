"""Mistake: writes zeros into the input.
Expect: x: the input was changed in place
"""

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError("p must be between 0 and 1")
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        x[torch.rand_like(x) < self.p] = 0
        return x / (1 - self.p) if self.p < 1 else x
