"""Mistake: no eps: an entry that never had a gradient becomes 0/0.
Expect: divides 0 by 0
"""

import torch


class Adagrad:
    def __init__(self, params, lr=0.01, eps=1e-10):
        self.params = list(params)
        self.lr = lr
        self.eps = eps
        self.G = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = p.grad
            self.G[i] += g**2
            p -= self.lr * g / self.G[i].sqrt()

    def zero_grad(self):
        for p in self.params:
            p.grad = None
