"""The moving average by lerp_, the update by addcdiv_."""

import torch


class RMSprop:
    def __init__(self, params, lr=0.01, alpha=0.99, eps=1e-8):
        self.slots = [(w, torch.zeros_like(w, memory_format=torch.preserve_format)) for w in params]
        self.lr, self.alpha, self.eps = lr, alpha, eps

    @torch.no_grad()
    def step(self):
        for w, average in self.slots:
            if w.grad is not None:
                average.lerp_(w.grad.square(), 1 - self.alpha)
                w.addcdiv_(w.grad, average.sqrt() + self.eps, value=-self.lr)

    def zero_grad(self):
        for w, _ in self.slots:
            w.grad = None
