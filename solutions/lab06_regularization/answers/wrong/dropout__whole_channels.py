"""Mistake: one draw for each channel.
Expect: along axis 3 share their fate
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
        return x * (torch.rand(x.shape[:2] + (1,) * (x.ndim - 2)) >= self.p).to(x.dtype) / max(1 - self.p, 1e-9)
