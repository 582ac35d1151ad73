"""The root of the sum is kept, by hypot."""

import torch


class Adagrad:
    def __init__(self, params, lr=0.01, eps=1e-10):
        self.params = list(params)
        self.lr = lr
        self.eps = eps
        self.G = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for p, G in zip(self.params, self.G):
            if p.grad is None:
                continue
            G.copy_(torch.hypot(G, p.grad))
            p -= self.lr * p.grad / (G + self.eps)

    def zero_grad(self):
        for p in self.params:
            p.grad = None
