"""Mistake: with three axes or more one draw for the last axis.
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
        if x.ndim >= 3:
            mask = torch.rand(*x.shape[:-1], 1) >= self.p
        else:
            mask = torch.rand(x.shape) >= self.p
        return x * mask / max(1 - self.p, 1e-9)
