"""Mistake: the course's own rule does the work.
Expect: nnutils.optim is refused in this question
"""

import torch

from nnutils.optim import rmsprop


class RMSprop:
    def __init__(self, params, lr=0.01, alpha=0.99, eps=1e-8):
        self.params = list(params)
        self.lr = lr
        self.alpha = alpha
        self.eps = eps
        self.s = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = p.grad
            delta, state = rmsprop(g, {"square": self.s[i]}, lr=self.lr, alpha=self.alpha, eps=self.eps)
            self.s[i] = state["square"]
            p += delta

    def zero_grad(self):
        for p in self.params:
            p.grad = None
