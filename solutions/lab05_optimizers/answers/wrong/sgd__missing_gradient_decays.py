"""Mistake: a parameter without gradient is treated as one with a gradient of zero.
Expect: that parameter moved; skip it
"""

import torch


class SGD:
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        self.params = list(params)
        self.lr = lr
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.velocity = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            g = (torch.zeros_like(p) if p.grad is None else p.grad) + self.weight_decay * p
            v = self.momentum * self.velocity[i] + g
            self.velocity[i] = v
            if self.nesterov:
                v = g + self.momentum * v
            p -= self.lr * v

    def zero_grad(self):
        for p in self.params:
            p.grad = None
