"""Mistake: compares rounded values.
Expect: where each step is 2^-18: update says
"""

class EarlyStopping:
    def __init__(self, patience, min_delta=0.0):
        self.patience = patience
        self.min_delta = min_delta
        self.best = None
        self.bad = 0
        self.state = None

    def update(self, value, model):
        if not math.isnan(value) and (self.best is None or round(value, 3) < round(self.best - self.min_delta, 3)):
            self.best = value
            self.bad = 0
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.bad += 1
        return self.bad >= self.patience

    def restore(self, model):
        model.load_state_dict(self.state)
