"""Bernoulli draws in float32, divided only where something is kept."""

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError('p must lie in [0, 1]')
        self.p = p

    def forward(self, x):
        if self.training:
            keep = 1.0 - self.p
            x = x * torch.bernoulli(torch.full(x.shape, keep)).to(x.dtype)
            if keep > 0:
                x = x / keep
        return x
