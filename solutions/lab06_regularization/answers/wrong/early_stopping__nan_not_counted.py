"""Mistake: a nan is passed over.
Expect: a nan is a call without improvement; count it
"""

class EarlyStopping:
    def __init__(self, patience, min_delta=0.0):
        self.patience = patience
        self.min_delta = min_delta
        self.best = None
        self.bad = 0
        self.state = None

    def update(self, value, model):
        if math.isnan(value):
            return False
        if not math.isnan(value) and (self.best is None or value < self.best - self.min_delta):
            self.best = value
            self.bad = 0
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.bad += 1
        return self.bad >= self.patience

    def restore(self, model):
        model.load_state_dict(self.state)
