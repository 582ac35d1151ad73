"""Mistake: each layer has a generator with a random seed.
Expect: draw from PyTorch's global generator
"""

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError('p must lie in [0, 1]')
        self.p = p
        self.g = torch.Generator()
        self.g.seed()

    def forward(self, x):
        if not self.training:
            return x
        return x * (torch.rand(x.shape, generator=self.g) >= self.p) / max(1 - self.p, 1e-9)
