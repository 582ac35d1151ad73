"""Mistake: the sums live in a mutable default argument, shared by all instances.
Expect: the instances share their state
"""

import torch


class Adagrad:
    def __init__(self, params, lr=0.01, eps=1e-10, state={}):
        self.params = list(params)
        self.lr = lr
        self.eps = eps
        self.G = state

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = p.grad
            self.G[i] = self.G.get(i, 0.0) + g**2
            p -= self.lr * g / (self.G[i].sqrt() + self.eps)

    def zero_grad(self):
        for p in self.params:
            p.grad = None
