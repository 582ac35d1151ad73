"""Computes in float64, writes through .data, warns and draws a progress bar on stderr."""

import sys
import warnings

import torch


class SGD:
    """My first optimizer."""

    def __init__(self, params, lr, momentum=0.0, nesterov=False, weight_decay=0.0, verbose=True):
        self.params = tuple(params)
        self.lr = lr
        self.options = (momentum, nesterov, weight_decay)
        self.memory = [None] * len(self.params)
        if verbose:
            warnings.warn(f"{len(self.params)} parameters", stacklevel=2)

    def step(self):
        momentum, nesterov, decay = self.options
        for number, w in enumerate(self.params):
            print(f"\rparameter {number + 1}/{len(self.params)}", end="", file=sys.stderr)
            if w.grad is None:
                continue
            g = w.grad.detach().double()
            if decay != 0:
                g = g + decay * w.data.double()
            if momentum != 0:
                v = self.memory[number]
                v = g.clone() if v is None else momentum * v + g
                self.memory[number] = v
                g = g + momentum * v if nesterov else v
            w.data.sub_((self.lr * g).to(w.dtype))

    def zero_grad(self, set_to_none=False):
        for w in self.params:
            w.grad = None
