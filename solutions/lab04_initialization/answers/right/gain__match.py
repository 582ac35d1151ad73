"""match and case, NumPy floats."""

import numpy as np


def gain(nonlinearity, slope=0.01):
    match nonlinearity:
        case "linear" | "sigmoid":
            return 1
        case "tanh":
            return np.float64(5) / 3
        case "relu":
            return gain("leaky_relu", slope=0.0)
        case "leaky_relu":
            return np.sqrt(2.0) / np.hypot(1.0, slope)
        case _:
            raise ValueError("no such activation")
