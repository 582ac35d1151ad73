"""Both corrections folded into the step size; powers of beta as running products; AdamW passes lr on as a property."""

import math

import torch


class Adam:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.slots = [dict(w=w, m=torch.zeros_like(w), v=torch.zeros_like(w), p1=1.0, p2=1.0) for w in params]

    @torch.no_grad()
    def step(self):
        b1, b2 = self.betas
        for s in self.slots:
            w = s["w"]
            if w.grad is None:
                continue
            g = w.grad.add(w, alpha=self.weight_decay)
            s["p1"] *= b1
            s["p2"] *= b2
            s["m"].lerp_(g, 1 - b1)
            s["v"].mul_(b2).addcmul_(g, g, value=1 - b2)
            root = math.sqrt(1 - s["p2"])
            w.addcdiv_(s["m"], s["v"].sqrt() + self.eps * root, value=-self.lr * root / (1 - s["p1"]))

    def zero_grad(self):
        for s in self.slots:
            s["w"].grad = None


class AdamW:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.inner = Adam(params, lr, betas, eps, 0.0)
        self.decay = weight_decay

    @property
    def lr(self):
        return self.inner.lr

    @lr.setter
    def lr(self, value):
        self.inner.lr = value

    @torch.no_grad()
    def step(self):
        for s in self.inner.slots:
            if s["w"].grad is not None:
                s["w"].mul_(1 - self.lr * self.decay)
        self.inner.step()

    def zero_grad(self):
        self.inner.zero_grad()
