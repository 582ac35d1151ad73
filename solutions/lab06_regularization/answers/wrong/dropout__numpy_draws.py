"""Mistake: draws from NumPy's generator.
Expect: draw from PyTorch's global generator
"""

import numpy as np

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError('p must lie in [0, 1]')
        self.p = p

    def forward(self, x):
        if not self.training:
            return x
        mask = torch.as_tensor(np.asarray(np.random.rand(*x.shape) >= self.p))
        return x * mask / max(1 - self.p, 1e-9)
