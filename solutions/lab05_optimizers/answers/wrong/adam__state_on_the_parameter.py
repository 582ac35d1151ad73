"""Mistake: m, v and t are attributes of the parameter, so that a second optimizer inherits them.
Expect: it goes on with the state of the first
"""

import torch


class Adam:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        self.params = list(params)
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        for p in self.params:
            if not hasattr(p, "m"):
                p.m, p.v, p.t = torch.zeros_like(p), torch.zeros_like(p), 0

    def decay(self, p):
        return p.grad + self.weight_decay * p

    @torch.no_grad()
    def step(self):
        b1, b2 = self.betas
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            p.t += 1
            t = p.t
            g = self.decay(p)
            p.m = b1 * p.m + (1 - b1) * g
            p.v = b2 * p.v + (1 - b2) * g ** 2
            m_hat = p.m / (1 - b1 ** t)
            v_hat = p.v / (1 - b2 ** t)
            p -= self.lr * m_hat / (v_hat.sqrt() + self.eps)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


class AdamW(Adam):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, lr, betas, eps, weight_decay)

    def decay(self, p):
        p -= self.lr * self.weight_decay * p
        return p.grad
