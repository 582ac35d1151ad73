"""Mistake: is no nn.Module.
Expect: not an nn.Module
"""

class Dropout:
    def __init__(self, p=0.5):
        self.training = True
        if not 0 <= p <= 1:
            raise ValueError("p must be between 0 and 1")
        self.p = p

    def forward(self, x):
        if not self.training:
            return x
        return x * (torch.rand_like(x) >= self.p) / (1 - self.p)
