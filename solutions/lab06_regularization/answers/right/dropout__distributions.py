"""torch.distributions, torch.where, a helper function."""

from torch.distributions import Bernoulli


def draw_mask(shape, p):
    return Bernoulli(probs=1 - p).sample(shape).to(torch.bool)


class Dropout(nn.Module):
    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.register_buffer("p", torch.tensor(float(p), dtype=torch.float64))
        if not bool((self.p >= 0) & (self.p <= 1)):
            raise ValueError

    def forward(self, x):
        p = self.p.item()
        if not self.training or p == 0:
            return x.clone()
        return torch.where(draw_mask(x.shape, p), x / max(1 - p, 1e-30), torch.zeros_like(x))
