"""Mistake: the value itself has no gradient to pass on.
Expect: backward() begins by setting its own grad to 1.0
"""

import math


class Value:
    def __init__(self, data):
        self.data, self.grad = float(data), 0.0
        self.inputs = []

    def made(self, data, *inputs):
        out = Value(data)
        out.inputs = [(x, slope) for x, slope in inputs if isinstance(x, Value)]
        return out

    def __add__(self, other):
        y = other.data if isinstance(other, Value) else other
        return self.made(self.data + y, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        y = other.data if isinstance(other, Value) else other
        return self.made(self.data * y, (self, y), (other, self.data))

    def __pow__(self, n):
        return self.made(self.data**n, (self, n * self.data ** (n - 1) if n else 0.0))

    def exp(self):
        return self.made(math.exp(self.data), (self, math.exp(self.data)))

    def tanh(self):
        t = math.tanh(self.data)
        return self.made(t, (self, 1 - t**2))

    def relu(self):
        return self.made(max(self.data, 0.0), (self, 1.0 if self.data > 0 else 0.0))

    def backward(self):
        order = []

        def visit(value):
            if not any(value is other for other in order):
                for source, _ in value.inputs:
                    visit(source)
                order.append(value)

        visit(self)
        for value in reversed(order):
            for source, slope in value.inputs:
                source.grad += slope * value.grad

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + -other

    def __truediv__(self, other):
        return self * other**-1

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self**-1 * other
