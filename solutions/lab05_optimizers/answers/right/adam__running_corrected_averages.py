"""The corrected averages themselves are kept: x_hat += (1 - b) / (1 - b^t) (x - x_hat)."""

import torch


class Adam:
    decoupled = False

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        self.memory = {p: [torch.zeros_like(p), torch.zeros_like(p), 1.0, 1.0] for p in params}
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay

    @torch.no_grad()
    def step(self):
        for p, memory in self.memory.items():
            if p.grad is None:
                continue
            g = p.grad
            if self.decoupled:
                p.mul_(1 - self.lr * self.weight_decay)
            else:
                g = g.add(p, alpha=self.weight_decay)
            for i, (x, beta) in enumerate(zip((g, g.square()), self.betas)):
                memory[2 + i] *= beta
                memory[i].lerp_(x, (1 - beta) / (1 - memory[2 + i]))
            p.addcdiv_(memory[0], memory[1].sqrt().add_(self.eps), value=-self.lr)

    def zero_grad(self):
        for p in self.memory:
            if p.grad is not None:
                p.grad.zero_()


class AdamW(Adam):
    decoupled = True

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
