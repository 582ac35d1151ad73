"""Mistake: calls PyTorch's dropout by an inner name.
Expect: torch._VF is refused
"""

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError('p must lie in [0, 1]')
        self.p = p

    def forward(self, x):
        return torch._VF.dropout(x, self.p, self.training)
