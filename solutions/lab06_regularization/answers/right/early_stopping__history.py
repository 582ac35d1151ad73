"""Keeps all values, and clones of the entries by name."""

import math


class EarlyStopping:
    def __init__(self, patience: int, min_delta: float = 0.0, verbose: bool = False) -> None:
        self.patience, self.min_delta, self.verbose = patience, min_delta, verbose
        self.improved = []
        self.best = None
        self._saved = {}

    def update(self, value, model):
        better = not math.isnan(value) and (self.best is None or value < self.best - self.min_delta)
        self.improved.append(better)
        if better:
            self.best = float(value)
            self._saved = {k: v.detach().clone() for k, v in model.state_dict().items()}
        if self.verbose:
            print(value, better)
        recent = self.improved[-self.patience :]
        return len(recent) == self.patience and not any(recent)

    def restore(self, model):
        with torch.no_grad():
            for k, v in model.state_dict().items():
                v.copy_(self._saved[k])
