"""Mistake: each layer has a generator with a fixed seed.
Expect: two layers drop the same entries
"""

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError("p must be between 0 and 1")
        self.p = p
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        if self.p == 1:
            return 0 * x
        mask = torch.rand(x.shape, generator=self.generator, dtype=x.dtype) >= self.p
        return x * mask / (1 - self.p)
