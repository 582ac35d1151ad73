"""Mistake: the average starts at the first square in place of 0.
Expect: the average starts at g^2
"""

import torch


class RMSprop:
    def __init__(self, params, lr=0.01, alpha=0.99, eps=1e-8):
        self.params = list(params)
        self.lr = lr
        self.alpha = alpha
        self.eps = eps
        self.s = [None] * len(self.params)

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = p.grad
            if self.s[i] is None:
                self.s[i] = g**2
            self.s[i] = self.alpha * self.s[i] + (1 - self.alpha) * g**2
            p -= self.lr * g / (self.s[i].sqrt() + self.eps)

    def zero_grad(self):
        for p in self.params:
            p.grad = None
