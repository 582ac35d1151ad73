"""Mistake: takes the shape apart in place.
Expect: the shape was changed; work on a copy
"""

def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        raise ValueError("too few axes")
    shape = shape if isinstance(shape, list) else list(shape)
    o, i = shape.pop(0), shape.pop(0)
    for k in shape:
        o, i = o * k, i * k
    return i, o
