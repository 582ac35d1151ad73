"""A heap by order of creation in place of a topological sort."""

import heapq


class Value:
    born = itertools.count()

    def __init__(self, data, parents=(), slopes=()):
        self.data, self.grad = float(data), 0.0
        self.parents, self.slopes = parents, slopes
        self.number = next(Value.born)
    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))
    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
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
        heap, here = [(-self.number, self)], {self.number: 1.0}
        self.grad = 0.0
        while heap:
            _, v = heapq.heappop(heap)
            g = here.pop(v.number)
            v.grad += g
            for p, s in zip(v.parents, v.slopes):
                if p.number in here:
                    here[p.number] += g * s
                else:
                    here[p.number] = g * s
                    heapq.heappush(heap, (-p.number, p))

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
