"""Mistake: keeps the inputs of an operation in a set, where a value stands once.
Expect: a value that stands twice in one operation counts once
"""

class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data = float(data)
        self.grad = 0.0
        self.parents = tuple(dict(zip(parents, slopes)))
        self.slopes = tuple(dict(zip(parents, slopes)).values())
    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))
    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        if other is self:
            return self**2
        return Value(self.data * other.data, (self, other), (other.data, self.data))
    def __pow__(self, exponent):
        slope = exponent * self.data ** (exponent - 1) if exponent != 0 else 0.0
        return Value(self.data**exponent, (self,), (slope,))
    def exp(self):
        e = math.exp(self.data)
        return Value(e, (self,), (e,))
    def tanh(self):
        t = math.tanh(self.data)
        return Value(t, (self,), (1 - t * t,))
    def relu(self):
        return Value(max(0.0, self.data), (self,), (1.0 if self.data > 0 else 0.0,))
    def backward(self):
        order, seen = [], set()
        stack = [(self, False)]
        while stack:
            v, done = stack.pop()
            if done:
                order.append(v)
                continue
            if id(v) in seen:
                continue
            seen.add(id(v))
            stack.append((v, True))
            for p in v.parents:
                stack.append((p, False))
        self.grad = 1.0
        for v in reversed(order):
            for p, s in zip(v.parents, v.slopes):
                p.grad += v.grad * s

    # Given: everything else in terms of the above.
    def __neg__(self) -> "Value":
        return self * -1

    def __sub__(self, other: "Value | float") -> "Value":
        return self + -other

    def __truediv__(self, other: "Value | float") -> "Value":
        return self * other**-1

    def __radd__(self, other: float) -> "Value":
        return self + other

    def __rmul__(self, other: float) -> "Value":
        return self * other

    def __rsub__(self, other: float) -> "Value":
        return -self + other

    def __rtruediv__(self, other: float) -> "Value":
        return self**-1 * other
