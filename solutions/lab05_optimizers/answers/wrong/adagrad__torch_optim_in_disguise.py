"""Mistake: PyTorch's optimizer under another name, kept inside.
Expect: torch.optim is refused in this question
"""

from torch import optim as tools


class Adagrad:
    def __init__(self, params, lr=0.01, eps=1e-10):
        self.inner = getattr(tools, "Ada" + "grad")(params, lr=lr, eps=eps)
        self.lr = lr

    def step(self):
        self.inner.param_groups[0]["lr"] = self.lr
        self.inner.step()

    def zero_grad(self):
        self.inner.zero_grad()
