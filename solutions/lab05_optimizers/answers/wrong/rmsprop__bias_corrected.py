"""Mistake: a bias correction as in Adam.
Expect: a bias correction is applied
"""

import torch


class RMSprop:
    def __init__(self, params, lr=0.01, alpha=0.99, eps=1e-8):
        self.params = list(params)
        self.lr = lr
        self.alpha = alpha
        self.eps = eps
        self.t = 0
        self.s = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        self.t += 1
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = p.grad
            self.s[i] = self.alpha * self.s[i] + (1 - self.alpha) * g**2
            p -= self.lr * g / ((self.s[i] / (1 - self.alpha**self.t)).sqrt() + self.eps)

    def zero_grad(self):
        for p in self.params:
            p.grad = None
