"""Mistake: the new velocity is never stored, so each step starts from a velocity of zero.
Expect: the velocity carries over from step to step
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
            if p.grad is None:
                continue
            g = p.grad + self.weight_decay * p
            v = self.momentum * self.velocity[i] + g
            if self.nesterov:
                v = g + self.momentum * v
            p -= self.lr * v

    def zero_grad(self):
        for p in self.params:
            p.grad = None
