"""Mistake: the velocity is an attribute of the parameter, so that a second optimizer inherits it.
Expect: it goes on with the state of the first
"""

import torch


class SGD:
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
            p.velocity = self.momentum * getattr(p, "velocity", 0) + g
            if self.nesterov:
                u = g + self.momentum * p.velocity
            else:
                u = p.velocity
            p -= self.lr * u

    def zero_grad(self):
        for p in self.params:
            p.grad = None
