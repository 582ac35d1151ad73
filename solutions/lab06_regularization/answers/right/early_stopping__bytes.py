"""Stores the weights as bytes, counts from the call of the best."""

import io


class EarlyStopping:
    def __init__(self, patience, min_delta=0.0):
        self.wait_at_most = patience
        self.delta = abs(min_delta)
        self.calls = 0
        self.best_call = 0
        self.best_value = float("inf")
        self.file = io.BytesIO()

    def update(self, value, model):
        self.calls = self.calls + 1
        if self.best_value - value > self.delta:
            self.best_value, self.best_call = value, self.calls
            self.file = io.BytesIO()
            torch.save(model.state_dict(), self.file)
        return bool(self.calls - self.best_call >= self.wait_at_most)

    def restore(self, model):
        self.file.seek(0)
        model.load_state_dict(torch.load(self.file))
