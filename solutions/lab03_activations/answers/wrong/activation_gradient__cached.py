"""Mistake: results are kept by the identity of the input.
Expect: after the input was changed, the result is still the old one
"""

import functools


@functools.cache
def activation_gradient(name, z):
    if name == "sigmoid":
        s = torch.sigmoid(z)
        return s * (1 - s)
    if name == "tanh":
        return 1 - torch.tanh(z) ** 2
    if name == "relu":
        return (z > 0).to(z.dtype)
    if name == "leaky_relu":
        return torch.where(z > 0, 1.0, 0.01).to(z.dtype)
    if name == "elu":
        return torch.where(z > 0, torch.ones_like(z), torch.exp(z))
    if name == "gelu":
        phi = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        return 0.5 * (1 + torch.erf(z / math.sqrt(2))) + z * phi
    raise ValueError(f"unknown name {name}; use sigmoid, tanh, relu, leaky_relu, elu or gelu")
