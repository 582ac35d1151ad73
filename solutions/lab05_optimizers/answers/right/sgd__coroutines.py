"""One coroutine for each parameter; the velocity lives in its frame."""

import torch


def _walker(w, owner):
    velocity = 0
    while True:
        g = yield
        g = g + owner.weight_decay * w
        velocity = g + owner.momentum * velocity
        w.sub_(owner.lr * (g + owner.momentum * velocity if owner.nesterov else velocity))


class SGD:
    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0):
        self.__dict__.update(lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)
        self.walkers = []
        for w in params:
            walker = _walker(w, self)
            next(walker)
            self.walkers.append((w, walker))

    @torch.no_grad()
    def step(self):
        for w, walker in self.walkers:
            if w.grad is not None:
                walker.send(w.grad)

    def zero_grad(self):
        for w, _ in self.walkers:
            if w.grad is not None:
                w.grad = torch.zeros_like(w.grad)
