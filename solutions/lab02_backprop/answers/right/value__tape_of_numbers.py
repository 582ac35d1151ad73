"""Values are numbered when they are made; backward goes through the numbers downwards."""

import heapq
import itertools
import math

_count = itertools.count()


class Value:
    __slots__ = ("data", "grad", "number", "slopes")

    def __init__(self, data, slopes=()):
        self.data, self.grad, self.slopes, self.number = float(data), 0.0, slopes, next(_count)

    def __add__(self, other):
        return _two(self, other, lambda x, y: (x + y, 1.0, 1.0))

    def __sub__(self, other):
        return _two(self, other, lambda x, y: (x - y, 1.0, -1.0))

    def __mul__(self, other):
        return _two(self, other, lambda x, y: (x * y, y, x))

    def __truediv__(self, other):
        return _two(self, other, lambda x, y: (x / y, 1 / y, -x / y / y))

    def __radd__(self, other):
        return _two(other, self, lambda x, y: (x + y, 1.0, 1.0))

    def __rsub__(self, other):
        return _two(other, self, lambda x, y: (x - y, 1.0, -1.0))

    def __rmul__(self, other):
        return _two(other, self, lambda x, y: (x * y, y, x))

    def __rtruediv__(self, other):
        return _two(other, self, lambda x, y: (x / y, 1 / y, -x / y / y))

    def __neg__(self):
        return Value(-self.data, ((self, -1.0),))

    def __pow__(self, n):
        return Value(math.pow(self.data, n), ((self, n * math.pow(self.data, n - 1) if n else 0.0),))

    def exp(self):
        return Value(math.exp(self.data), ((self, math.exp(self.data)),))

    def tanh(self):
        return Value(math.tanh(self.data), ((self, 1 / math.cosh(max(-300.0, min(300.0, self.data))) ** 2),))

    def relu(self):
        return Value(max(0, self.data), ((self, 1.0 if self.data > 0 else 0.0),))

    def backward(self):
        self.grad = 1.0
        waiting, queued = [(-self.number, self)], {self.number}
        while waiting:
            _, value = heapq.heappop(waiting)
            for source, slope in value.slopes:
                source.grad += value.grad * slope
                if source.number not in queued:
                    queued.add(source.number)
                    heapq.heappush(waiting, (-source.number, source))


def _two(x, y, rule):
    x, y = (v if isinstance(v, Value) else Value(v) for v in (x, y))
    data, left, right = rule(x.data, y.data)
    return Value(data, ((x, left), (y, right)))
