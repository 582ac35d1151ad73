"""The arithmetic is NumPy's; a progress bar and prints cost nothing."""

import numpy as np
import torch
from tqdm import tqdm


class Adagrad:
    def __init__(self, params, lr=0.01, eps=1e-10):
        self.params = [p for p in params]
        self.lr, self.eps = lr, eps
        self.totals = [np.zeros(tuple(p.shape)) for p in self.params]

    def step(self):
        for n in tqdm(range(len(self.params))):
            p = self.params[n]
            if p.grad is None:
                continue
            g = p.grad.cpu().numpy().astype(np.float64)
            self.totals[n] = self.totals[n] + np.square(g)
            delta = -self.lr * g / (np.sqrt(self.totals[n]) + self.eps)
            print("step of size", np.abs(delta).max())
            p.data += torch.as_tensor(delta).to(p)

    def zero_grad(self):
        for p in self.params:
            p.grad = None
