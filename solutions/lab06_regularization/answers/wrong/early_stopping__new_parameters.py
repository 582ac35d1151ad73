"""Mistake: puts new parameters into the model.
Expect: the model holds new parameters
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
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.counter += 1
        return self.counter >= self.patience

    def restore(self, model):
        for name, module in model.named_modules():
            for key in list(module._parameters):
                module._parameters[key] = nn.Parameter(self.state[f"{name}.{key}".lstrip(".")].clone())
            for key in list(module._buffers):
                module._buffers[key] = self.state[f"{name}.{key}".lstrip(".")].clone()
