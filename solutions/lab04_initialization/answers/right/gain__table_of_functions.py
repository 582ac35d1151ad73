"""A dictionary of functions, an error made from a KeyError."""

TABLE = {
    "linear": lambda s: 1.0,
    "sigmoid": lambda s: 1.0,
    "tanh": lambda s: 5.0 / 3.0,
    "relu": lambda s: 2**0.5,
    "leaky_relu": lambda s: (2 / (1 + s * s)) ** 0.5,
}


def gain(nonlinearity, slope=0.01):
    try:
        return TABLE[nonlinearity](slope)
    except KeyError as error:
        raise ValueError(f"expected one of {', '.join(TABLE)}") from error
