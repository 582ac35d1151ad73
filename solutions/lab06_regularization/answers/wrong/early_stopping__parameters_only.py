"""Mistake: leaves out the running statistics.
Expect: running statistics are not restored
"""

class EarlyStopping:
    def __init__(self, patience, min_delta=0.0):
        self.patience = patience
        self.min_delta = min_delta
        self.best = float("inf")
        self.counter = 0
        self.state = None

    def update(self, value, model):
        if value < self.best - self.min_delta:
            self.best = value
            self.counter = 0
            self.state = [p.detach().clone() for p in model.parameters()]
        else:
            self.counter += 1
        return self.counter >= self.patience

    def restore(self, model):
        with torch.no_grad():
            for p, q in zip(model.parameters(), self.state):
                p.copy_(q)
