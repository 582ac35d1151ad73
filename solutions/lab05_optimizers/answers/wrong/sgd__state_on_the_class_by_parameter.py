"""Mistake: the velocities live in a dictionary of the class, by parameter; a second optimizer of the same parameters inherits them.
Expect: it goes on with the state of the first
"""

import torch


class SGD:
    v = {}

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        self.params = list(params)
        self.lr = lr
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = p.grad + self.weight_decay * p
            self.v[p] = self.momentum * self.v.get(p, torch.zeros_like(p)) + g
            if self.nesterov:
                u = g + self.momentum * self.v[p]
            else:
                u = self.v[p]
            p -= self.lr * u

    def zero_grad(self):
        for p in self.params:
            p.grad = None
