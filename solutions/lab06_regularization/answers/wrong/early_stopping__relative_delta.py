"""Mistake: min_delta is taken as a share of best.
Expect: min_delta is taken as a share of best
"""

class EarlyStopping:
    def __init__(self, patience, min_delta=0.0):
        self.patience = patience
        self.min_delta = min_delta
        self.best = float("inf")
        self.counter = 0
        self.state = None

    def update(self, value, model):
        if value < self.best * (1 - self.min_delta):
            self.best = value
            self.counter = 0
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.counter += 1
        return self.counter >= self.patience

    def restore(self, model):
        model.load_state_dict(self.state)
