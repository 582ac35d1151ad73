"""PyTorch's in-place building blocks, state keyed by parameter."""

import torch
from collections import defaultdict


class Adagrad:
    def __init__(self, params, lr=1e-2, eps=1e-10):
        self.params, self.lr, self.eps = list(params), lr, eps
        self.state = defaultdict(dict)

    @torch.no_grad()
    def step(self):
        for p in self.params:
            if p.grad is not None:
                state = self.state[p]
                if not state:
                    state["sum"] = torch.full_like(p, 0.0)
                state["sum"].addcmul_(p.grad, p.grad)
                p.addcdiv_(p.grad, state["sum"].sqrt().add_(self.eps), value=-self.lr)

    def zero_grad(self):
        for p in self.params:
            if p.grad is not None:
                p.grad.detach_().zero_()
