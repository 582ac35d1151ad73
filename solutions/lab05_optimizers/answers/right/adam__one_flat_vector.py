"""All parameters as one float64 vector; two separate classes, gradients zeroed."""

import torch


def _flat(tensors):
    return torch.cat([t.detach().reshape(-1).double() for t in tensors])


class Adam:
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0):
        self.params = list(params)
        self.lr = lr
        self.betas = betas
        self.eps = eps
        self.weight_decay = weight_decay
        self.state = None

    def _decayed(self, w, g):
        return w, g + self.weight_decay * w

    def step(self):
        used = [p for p in self.params if p.grad is not None]
        if not used:
            return
        w, g = self._decayed(_flat(used), _flat([p.grad for p in used]))
        if self.state is None:
            self.state = {"t": 0, "m": torch.zeros_like(w), "v": torch.zeros_like(w)}
        s = self.state
        b1, b2 = self.betas
        s["t"] += 1
        s["m"] += (1 - b1) * (g - s["m"])
        s["v"] += (1 - b2) * (g.square() - s["v"])
        w = w - self.lr * (s["m"] / (1 - b1 ** s["t"])) / (torch.sqrt(s["v"] / (1 - b2 ** s["t"])) + self.eps)
        position = 0
        for p in used:
            p.data.copy_(w[position : position + p.numel()].view(p.shape))
            position += p.numel()

    def zero_grad(self):
        for p in self.params:
            if p.grad is not None:
                p.grad.zero_()


class AdamW(Adam):
    def __init__(self, params, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01):
        Adam.__init__(self, params, lr, betas, eps, weight_decay)

    def _decayed(self, w, g):
        return w - self.lr * self.weight_decay * w, g
