"""Mistake: AdamW keeps the __init__ of Adam, and with it the default weight_decay of 0.
Expect: defaults: AdamW with its defaults
"""

import torch


class Adam:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        self.params = list(params)
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.m = [torch.zeros_like(p) for p in self.params]
        self.v = [torch.zeros_like(p) for p in self.params]
        self.t = [0 for p in self.params]

    def decay(self, p):
        return p.grad + self.weight_decay * p

    @torch.no_grad()
    def step(self):
        b1, b2 = self.betas
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            g = self.decay(p)
            self.t[i] += 1
            t = self.t[i]
            self.m[i] = b1 * self.m[i] + (1 - b1) * g
            self.v[i] = b2 * self.v[i] + (1 - b2) * g**2
            p -= self.lr * (self.m[i] / (1 - b1**t)) / ((self.v[i] / (1 - b2**t)).sqrt() + self.eps)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


class AdamW(Adam):
    def decay(self, p):
        p -= self.lr * self.weight_decay * p
        return p.grad
