"""Mistake: sets the seed when the layer is made.
Expect: set no seed, when made neither
"""

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError('p must lie in [0, 1]')
        self.p = p
        torch.manual_seed(0)

    def forward(self, x):
        if not self.training:
            return x
        return x * (torch.rand(x.shape) >= self.p) / max(1 - self.p, 1e-9)
