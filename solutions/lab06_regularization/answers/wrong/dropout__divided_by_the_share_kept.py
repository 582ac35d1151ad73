"""Mistake: divides by the share that happens to be kept.
Expect: not by the share that was kept
"""

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError('p must lie in [0, 1]')
        self.p = p

    def forward(self, x):
        if not self.training:
            return x
        mask = (torch.rand(x.shape) >= self.p).to(x.dtype)
        return x * mask / mask.mean().clamp(min=1e-9)
