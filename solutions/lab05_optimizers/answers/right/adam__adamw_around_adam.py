"""AdamW holds an Adam; running products in place of powers; prints and a progress bar."""

import sys

import torch


class Adam:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        self.params = list(params)
        self.lr, (self.b1, self.b2), self.eps, self.wd = lr, betas, eps, weight_decay
        self.left1 = self.left2 = 1.0
        self.averages = {}

    def step(self):
        self.left1 *= self.b1
        self.left2 *= self.b2
        print("step", end=" ")
        sys.stderr.write("#")
        with torch.no_grad():
            for n, p in enumerate(self.params):
                if p.grad is None:
                    continue
                g = p.grad + self.wd * p if self.wd else p.grad
                m, v = self.averages.get(n, (torch.zeros_like(p), torch.zeros_like(p)))
                m = torch.lerp(g, m, self.b1)
                v = torch.lerp(g * g, v, self.b2)
                self.averages[n] = m, v
                p.sub_(self.lr * (m / (1 - self.left1)) / ((v / (1 - self.left2)) ** 0.5 + self.eps))

    def zero_grad(self):
        for p in self.params:
            p.grad = None


class AdamW:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self._adam = Adam(params, lr=lr, betas=betas, eps=eps)
        self.weight_decay = weight_decay

    lr = property(lambda self: self._adam.lr, lambda self, value: setattr(self._adam, "lr", value))

    def step(self):
        for p in self._adam.params:
            if p.grad is not None:
                p.data -= self.lr * self.weight_decay * p.data
        self._adam.step()

    def zero_grad(self):
        self._adam.zero_grad()
