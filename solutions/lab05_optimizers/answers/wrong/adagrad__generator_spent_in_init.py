"""Mistake: the generator is used up by the list of sums and kept.
Expect: a generator can be read once
"""

import torch


class Adagrad:
    def __init__(self, params, lr=0.01, eps=1e-10):
        self.params = params
        self.lr = lr
        self.eps = eps
        self.G = [torch.zeros_like(p) for p in params]

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = p.grad
            self.G[i] += g**2
            p -= self.lr * g / (self.G[i].sqrt() + self.eps)

    def zero_grad(self):
        for p in self.params:
            p.grad = None
