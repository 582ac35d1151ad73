"""Keeps all squares and weighs each by alpha to the power of its age."""

import warnings

import torch


class RMSprop:
    def __init__(self, params, lr=0.01, alpha=0.99, eps=1e-8):
        self.parameters = list(params)
        self.lr, self.alpha, self.eps = lr, alpha, eps
        self.past = {id(w): [] for w in self.parameters}

    def step(self):
        for w in self.parameters:
            if w.grad is None:
                warnings.warn("a parameter has no gradient", stacklevel=2)
                continue
            squares = self.past[id(w)]
            squares.append((w.grad.detach() ** 2).double())
            s = sum((1 - self.alpha) * self.alpha**age * square for age, square in enumerate(reversed(squares)))
            change = self.lr * w.grad.double() / (torch.sqrt(s) + self.eps)
            w.data = w.data - change.to(w.dtype)

    def zero_grad(self):
        for w in self.parameters:
            if w.grad is not None:
                w.grad = torch.zeros_like(w.grad)
