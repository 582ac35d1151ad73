"""Counts how often each value is used, and passes on when the last gradient has come."""

import math


class Value:
    def __init__(self, data):
        self.data = float(data)
        self.grad = 0.0
        self.parents = []

    def _new(self, data, *parents):
        out = Value(data)
        out.parents = [(p, s) for p, s in parents if isinstance(p, Value)]
        return out

    def __add__(self, other):
        y = other.data if isinstance(other, Value) else other
        return self._new(self.data + y, (self, 1.0), (other, 1.0))

    def __mul__(self, other):
        y = other.data if isinstance(other, Value) else other
        return self._new(self.data * y, (self, y), (other, self.data))

    def __pow__(self, k):
        d = 0.0 if k == 0 else k * self.data ** (k - 1)
        return self._new(self.data**k, (self, d))

    def exp(self):
        e = math.e**self.data
        return self._new(e, (self, e))

    def tanh(self):
        e = math.exp(-2 * abs(self.data))
        t = math.copysign((1 - e) / (1 + e), self.data)
        return self._new(t, (self, 1 - t * t))

    def relu(self):
        on = 1.0 if self.data > 0 else 0.0
        return self._new(on * self.data, (self, on))

    def backward(self):
        uses, todo, known = {}, [self], {id(self)}
        for value in todo:
            for parent, _ in value.parents:
                uses[id(parent)] = uses.get(id(parent), 0) + 1
                if id(parent) not in known:
                    known.add(id(parent))
                    todo.append(parent)
        self.grad = 1.0
        ready = [self]
        while ready:
            value = ready.pop()
            for parent, slope in value.parents:
                parent.grad += slope * value.grad
                uses[id(parent)] -= 1
                if uses[id(parent)] == 0:
                    ready.append(parent)

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + other * -1

    def __rsub__(self, other):
        return self * -1 + other

    def __truediv__(self, other):
        return self * (other**-1 if isinstance(other, Value) else 1 / other)

    def __rtruediv__(self, other):
        return self**-1 * other

    __radd__, __rmul__ = __add__, __mul__
