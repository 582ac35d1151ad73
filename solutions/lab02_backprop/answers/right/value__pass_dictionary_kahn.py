"""Kahn's algorithm, gradients in a dictionary until all have arrived."""

class Value:
    def __init__(self, data, parents=(), slopes=()):
        self.data = float(data)
        self.grad = 0.0
        self.parents = parents
        self.slopes = slopes
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
        uses, stack, seen = {}, [self], {id(self)}
        while stack:
            v = stack.pop()
            for p in v.parents:
                uses[id(p)] = uses.get(id(p), 0) + 1
                if id(p) not in seen:
                    seen.add(id(p))
                    stack.append(p)
        self.grad = 0.0
        arrived, ready = {id(self): 1.0}, [self]
        while ready:
            v = ready.pop()
            g = arrived.pop(id(v))
            v.grad += g
            for p, s in zip(v.parents, v.slopes):
                arrived[id(p)] = arrived.get(id(p), 0.0) + g * s
                uses[id(p)] -= 1
                if not uses[id(p)]:
                    ready.append(p)

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
