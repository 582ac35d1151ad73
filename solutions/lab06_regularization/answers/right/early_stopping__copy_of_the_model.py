"""Keeps a copy of the whole model."""

from copy import deepcopy


class EarlyStopping:
    best_model = None
    bad = 0

    def __init__(self, patience, min_delta=0.0):
        self.patience = patience
        self.min_delta = min_delta
        self.best = torch.inf

    def update(self, value, model):
        if (self.best - self.min_delta) > value:
            self.best = value
            self.best_model = deepcopy(model)
            self.bad = 0
            return False
        self.bad += 1
        return self.bad >= self.patience

    def restore(self, model):
        for mine, theirs in zip(model.state_dict().values(), self.best_model.state_dict().values()):
            mine.data.copy_(theirs)
