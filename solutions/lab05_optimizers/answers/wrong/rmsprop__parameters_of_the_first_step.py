"""Mistake: the list of parameters with a gradient is made at the first step and kept.
Expect: never moves; look at .grad anew at every step
"""

import torch


class RMSprop:
    def __init__(self, params, lr=0.01, alpha=0.99, eps=1e-8):
        self.params = list(params)
        self.lr = lr
        self.alpha = alpha
        self.eps = eps
        self.s = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        if not hasattr(self, "live"):
            self.live = [(p, s) for p, s in zip(self.params, self.s) if p.grad is not None]
        for p, s in self.live:
            if p.grad is None:
                continue
            g = p.grad
            s *= self.alpha
            s += (1 - self.alpha) * g ** 2
            p -= self.lr * g / (s.sqrt() + self.eps)

    def zero_grad(self):
        for p in self.params:
            p.grad = None
