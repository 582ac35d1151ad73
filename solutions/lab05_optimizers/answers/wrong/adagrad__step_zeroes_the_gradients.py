"""Mistake: step() sets the gradients to zero, so that nobody can look at them afterwards.
Expect: step() changed the gradients in place; clear them in zero_grad() only
"""

import torch


class Adagrad:
    def __init__(self, params, lr=0.01, eps=1e-10):
        self.params = list(params)
        self.lr, self.eps = lr, eps
        self.G = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for p, G in zip(self.params, self.G):
            if p.grad is None:
                continue
            G += p.grad**2
            p -= self.lr * p.grad / (G.sqrt() + self.eps)
            p.grad.zero_()

    def zero_grad(self):
        for p in self.params:
            p.grad = None
