"""Mistake: the first velocity is the gradient tensor itself, which the next backward pass overwrites.
Expect: store a copy (.clone())
"""

import torch


class SGD:
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        self.params = list(params)
        self.lr = lr
        self.momentum = momentum
        self.nesterov = nesterov
        self.weight_decay = weight_decay
        self.velocity = [None for _ in self.params]

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = p.grad if self.weight_decay == 0 else p.grad + self.weight_decay * p
            if self.velocity[i] is None:
                self.velocity[i] = g
            else:
                self.velocity[i] = self.momentum * self.velocity[i] + g
            v = self.velocity[i]
            if self.nesterov:
                v = g + self.momentum * v
            p -= self.lr * v

    def zero_grad(self):
        for p in self.params:
            p.grad = None
