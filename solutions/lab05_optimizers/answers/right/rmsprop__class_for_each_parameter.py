"""One small object for each parameter."""

import torch


class OneParameter:
    def __init__(self, w):
        self.w = w
        self.s = 0.0

    def update(self, lr, alpha, eps):
        g = self.w.grad
        self.s = alpha * self.s + (1 - alpha) * g * g
        self.w -= lr * g / (self.s**0.5 + eps)


class RMSprop:
    def __init__(self, params, lr=0.01, alpha=0.99, eps=1e-8):
        self.parts = [OneParameter(w) for w in params]
        self.lr, self.alpha, self.eps = lr, alpha, eps

    def step(self):
        with torch.no_grad():
            for part in self.parts:
                if part.w.grad is not None:
                    part.update(self.lr, self.alpha, self.eps)

    def zero_grad(self):
        for part in self.parts:
            part.w.grad = None
