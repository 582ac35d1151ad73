"""Mistake: goes through the graph level by level.
Expect: a value passes its gradient on before all of it has arrived
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
        self.grad = 1.0
        queue, seen = [self], {id(self)}
        for value in queue:
            for source, slope in value.inputs:
                source.grad += slope * value.grad
                if id(source) not in seen:
                    seen.add(id(source))
                    queue.append(source)

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
