"""Mistake: restore begins anew.
Expect: restore after one more update: the weights are not
"""

class EarlyStopping:
    def __init__(self, patience, min_delta=0.0):
        self.patience = patience
        self.min_delta = min_delta
        self.best = None
        self.bad = 0
        self.state = None

    def update(self, value, model):
        if not math.isnan(value) and (self.best is None or value < self.best - self.min_delta):
            self.best = value
            self.bad = 0
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.bad += 1
        return self.bad >= self.patience

    def restore(self, model):
        model.load_state_dict(self.state)
        self.best = None
        self.bad = 0
