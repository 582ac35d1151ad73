"""The sum of decayed squares is kept, and multiplied by 1 - alpha where it is used."""

import torch


class RMSprop:
    def __init__(self, params, lr=0.01, alpha=0.99, eps=1e-8):
        self.params = list(params)
        self.lr = lr
        self.alpha = alpha
        self.eps = eps
        self.s = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self):
        for p, s in zip(self.params, self.s):
            if p.grad is None:
                continue
            g = p.grad
            s *= self.alpha
            s += g ** 2
            p -= self.lr * g / ((s * (1 - self.alpha)).sqrt() + self.eps)

    def zero_grad(self):
        for p in self.params:
            p.grad = None
