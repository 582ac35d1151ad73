"""Keeps every gradient and sums the squares afresh at each step, in float64."""

import torch


class Adagrad:
    def __init__(self, params, lr=0.01, eps=1e-10):
        self.history = [(p, []) for p in params]
        self.lr = lr
        self.eps = eps

    def step(self):
        for p, seen in self.history:
            if p.grad is None:
                continue
            seen.append(p.grad.detach().clone().double())
            G = torch.stack(seen).square().sum(dim=0)
            with torch.no_grad():
                p.copy_(p - self.lr * seen[-1] / (G**0.5 + self.eps))

    def zero_grad(self):
        for p, _ in self.history:
            p.grad = None
