"""Mistake: no torch.no_grad(); the velocity holds the graph of all steps.
Expect: keeps the autograd graph of all steps
"""

import torch


class SGD:
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        self.params = list(params)
        self.lr = lr
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.v = [torch.zeros_like(p) for p in self.params]

    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = p.grad + self.weight_decay * p
            self.v[i] = self.momentum * self.v[i] + g
            if self.nesterov:
                u = g + self.momentum * self.v[i]
            else:
                u = self.v[i]
            p.data = p.data - self.lr * u.detach()

    def zero_grad(self):
        for p in self.params:
            p.grad = None
