"""Mistake: the copy is in float16.
Expect: they are rounded; keep the copy in its dtype
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
            self.state = {k: v.to(torch.float16) for k, v in model.state_dict().items()}
        else:
            self.bad += 1
        return self.bad >= self.patience

    def restore(self, model):
        model.load_state_dict(self.state)
