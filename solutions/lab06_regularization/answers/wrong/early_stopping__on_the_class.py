"""Mistake: what is remembered is on the class.
Expect: EarlyStopping
"""

class EarlyStopping:
    best, counter, state = float("inf"), 0, None

    def __init__(self, patience, min_delta=0.0):
        self.patience = patience
        self.min_delta = min_delta

    def update(self, value, model):
        if value < self.best - self.min_delta:
            EarlyStopping.best = value
            EarlyStopping.counter = 0
            EarlyStopping.state = copy.deepcopy(model.state_dict())
        else:
            EarlyStopping.counter += 1
        return self.counter >= self.patience

    def restore(self, model):
        model.load_state_dict(self.state)
