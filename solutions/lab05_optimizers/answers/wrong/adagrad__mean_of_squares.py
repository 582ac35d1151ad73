"""Mistake: the squares are averaged over the steps.
Expect: this divides by the mean of the squares
"""

import torch


class Adagrad:
    def __init__(self, params, lr=0.01, eps=1e-10):
        self.params = list(params)
        self.lr = lr
        self.eps = eps
        self.t = 0
        self.G = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        self.t += 1
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = p.grad
            self.G[i] += g**2
            p -= self.lr * g / ((self.G[i] / self.t).sqrt() + self.eps)

    def zero_grad(self):
        for p in self.params:
            p.grad = None
