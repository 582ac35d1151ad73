"""Draws whole numbers, a factor in the dtype of x, a switch of its own that train() sets."""

class Dropout(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError('p must lie in [0, 1]')
        self.p = p
        self.mode = 'train'

    def forward(self, x):
        if self.mode == 'eval':
            return x
        u = torch.randint(0, 2**24, x.shape, device=x.device).double() / 2**24
        scale = torch.where(u < self.p, 0.0, 1 / (1 - self.p) if self.p < 1 else 0.0)
        return x * scale.to(x.dtype)
    def train(self, mode=True):
        self.mode = 'train' if mode else 'eval'
        return super().train(mode)
