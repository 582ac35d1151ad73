"""Mistake: the sum starts at a small number in place of eps.
Expect: does it start at 0
"""

import torch


class Adagrad:
    def __init__(self, params, lr=0.01, eps=1e-10):
        self.params = list(params)
        self.lr = lr
        self.eps = eps
        self.G = [torch.full_like(p, 1e-12) for p in self.params]

    @torch.no_grad()
    def step(self):
        for p, G in zip(self.params, self.G):
            if p.grad is None:
                continue
            G += p.grad ** 2
            p -= self.lr * p.grad / (G.sqrt() + self.eps)

    def zero_grad(self):
        for p in self.params:
            p.grad = None
