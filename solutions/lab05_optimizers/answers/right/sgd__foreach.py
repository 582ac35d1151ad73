"""All parameters at once with torch._foreach functions; gradients zeroed in place."""

import torch


class SGD:
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        self.ps = [*params]
        self.lr, self.mu, self.nag, self.wd = lr, momentum, nesterov, weight_decay
        self.buffers = {}

    def step(self):
        with torch.no_grad():
            active = [p for p in self.ps if p.grad is not None]
            if not active:
                return
            grads = torch._foreach_add([p.grad for p in active], active, alpha=self.wd)
            if self.mu:
                buffers = [self.buffers.setdefault(p, torch.zeros_like(p)) for p in active]
                torch._foreach_mul_(buffers, self.mu)
                torch._foreach_add_(buffers, grads)
                grads = torch._foreach_add(grads, buffers, alpha=self.mu) if self.nag else buffers
            torch._foreach_add_(active, grads, alpha=-self.lr)

    def zero_grad(self):
        for p in self.ps:
            if p.grad is not None:
                p.grad.zero_()
