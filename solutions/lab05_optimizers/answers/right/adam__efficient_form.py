"""The paper's efficient order: the corrections go into the rate and into eps."""

import math

import torch


class _Base:
    decoupled = False

    def __init__(self, params, lr, betas, eps, weight_decay):
        self.entries = [{"w": w, "m": torch.zeros_like(w), "v": torch.zeros_like(w), "t": 0} for w in params]
        self.lr = lr
        self.beta1, self.beta2 = betas
        self.eps = eps
        self.decay = weight_decay

    @torch.no_grad()
    def step(self):
        for entry in self.entries:
            w = entry["w"]
            if w.grad is None:
                continue
            entry["t"] += 1
            g = w.grad
            if self.decoupled:
                w.mul_(1 - self.lr * self.decay)
            else:
                g = g.add(w, alpha=self.decay)
            entry["m"].mul_(self.beta1).add_(g, alpha=1 - self.beta1)
            entry["v"].mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
            c1 = 1 - self.beta1 ** entry["t"]
            c2 = math.sqrt(1 - self.beta2 ** entry["t"])
            w.addcdiv_(entry["m"], entry["v"].sqrt() + self.eps * c2, value=-self.lr * c2 / c1)

    def zero_grad(self):
        for entry in self.entries:
            entry["w"].grad = None


class Adam(_Base):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr, betas, eps, weight_decay)


class AdamW(_Base):
    decoupled = True

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, lr, betas, eps, weight_decay)
