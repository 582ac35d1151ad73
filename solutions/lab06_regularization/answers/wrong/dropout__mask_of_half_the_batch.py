"""Mistake: one mask for both halves of the batch.
Expect: 50 apart along axis 0 share their fate
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
        n = x.shape[0] if x.ndim else 1
        x0 = x
        x = x.reshape(n, -1)
        half = torch.rand((n + 1) // 2, *x.shape[1:]) >= self.p
        mask = torch.cat([half, half])[:n]
        return (x * mask / max(1 - self.p, 1e-9)).reshape(x0.shape)
