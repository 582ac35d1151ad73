"""Mistake: sets the seed in every call.
Expect: two calls drop the same entries
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
        torch.manual_seed(0)
        if self.p == 1:
            return 0 * x
        return x * (torch.rand_like(x) >= self.p) / (1 - self.p)
