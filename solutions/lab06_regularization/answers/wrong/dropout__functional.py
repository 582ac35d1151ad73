"""Mistake: asks PyTorch.
Expect: dropout is refused in this question
"""

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError("p must be between 0 and 1")
        self.p = p

    def forward(self, x):
        return F.dropout(x, self.p, self.training)
