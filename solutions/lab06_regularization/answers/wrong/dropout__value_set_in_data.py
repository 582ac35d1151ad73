"""Mistake: writes into .data, so that the gradient knows nothing of the mask.
Expect: as if nothing were dropped
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
        out = x * 1
        out.data = x.data * (torch.rand_like(x) >= self.p)
        return out + (out.data / (1 - self.p) - out.data if self.p < 1 else 0)
