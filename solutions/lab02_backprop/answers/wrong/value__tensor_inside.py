"""Mistake: a torch scalar does the work.
Expect: is refused in this question
"""

import torch


class Value:
    def __init__(self, data):
        self.tensor = data if torch.is_tensor(data) else torch.tensor(float(data), dtype=torch.float64, requires_grad=True)

    data = property(lambda self: self.tensor.item())
    grad = property(lambda self: 0.0 if self.tensor.grad is None else self.tensor.grad.item())

    def _apply(name):
        def method(self, *others):
            others = [other.tensor if isinstance(other, Value) else other for other in others]
            made = Value(getattr(self.tensor, name)(*others))
            made.tensor.retain_grad()
            return made

        return method

    for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "neg"):
        locals()[f"__{_name}__"] = _apply(f"__{_name}__")
    exp, tanh, relu = map(_apply, ("exp", "tanh", "relu"))

    def backward(self):
        self.tensor.backward()
