"""Each parameter has a coroutine that turns gradients into steps; parameters are written with copy_."""

import torch


def velocity(mu, look_ahead):
    v, step = 0.0, None
    while True:
        g = yield step
        v = mu * v + g
        step = g + mu * v if look_ahead else v


class SGD:
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        self.lr, self.decay = lr, weight_decay
        self.pairs = [(p, velocity(momentum, nesterov)) for p in params]
        for _, machine in self.pairs:
            next(machine)

    @torch.no_grad()
    def step(self):
        for p, machine in self.pairs:
            if p.grad is not None:
                p.copy_(p - self.lr * machine.send(p.grad.clone() + self.decay * p))

    def zero_grad(self):
        for p, _ in self.pairs:
            p.grad = None
