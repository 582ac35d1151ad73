"""Mistake: once True it stays True.
Expect: an improvement makes it False again
"""

class EarlyStopping:
    def __init__(self, patience, min_delta=0.0):
        self.patience = patience
        self.min_delta = min_delta
        self.best = None
        self.bad = 0
        self.state = None
        self.stopped = False

    def update(self, value, model):
        if not math.isnan(value) and (self.best is None or value < self.best - self.min_delta):
            self.best = value
            self.bad = 0
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.bad += 1
        self.stopped = self.stopped or self.bad >= self.patience
        return self.stopped

    def restore(self, model):
        model.load_state_dict(self.state)
