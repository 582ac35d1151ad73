"""Mistake: looks at a switch of its own, which train() and eval() do not know.
Expect: look at self.training
"""

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError("p must be between 0 and 1")
        self.p = p
        self.active = True

    def forward(self, x):
        if not self.active or self.p == 0:
            return x
        if self.p == 1:
            return 0 * x
        return x * (torch.rand_like(x) >= self.p) / (1 - self.p)
