"""Mistake: the averages are dealt out among the parameters that have a gradient today.
Expect: skips parameters without gradient
"""

import torch


class RMSprop:
    def __init__(self, params, lr=0.01, alpha=0.99, eps=1e-8):
        self.params = list(params)
        self.lr, self.alpha, self.eps = lr, alpha, eps
        self.s = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for p, s in zip([p for p in self.params if p.grad is not None], self.s):
            s.mul_(self.alpha).add_((1 - self.alpha) * p.grad**2)
            p -= self.lr * p.grad / (s.sqrt() + self.eps)

    def zero_grad(self):
        for p in self.params:
            p.grad = None
