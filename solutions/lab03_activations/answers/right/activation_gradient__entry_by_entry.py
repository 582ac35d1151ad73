"""A loop over the entries in math; float64 inside."""

import math

import torch


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def normal(x):
    return math.erfc(-x / math.sqrt(2)) / 2 + x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


RULES = dict(
    sigmoid=lambda x: sigmoid(x) * sigmoid(-x),
    tanh=lambda x: 1 - math.tanh(x) ** 2,
    relu=lambda x: 1.0 if x > 0 else 0.0,
    leaky_relu=lambda x: 1.0 if x > 0 else 0.01,
    elu=lambda x: 1.0 if x > 0 else math.exp(x),
    gelu=normal,
)


def activation_gradient(name, z):
    try:
        rule = RULES[name]
    except KeyError:
        raise ValueError(f"{name}? I know {', '.join(RULES)}") from None
    return torch.tensor([rule(x) for x in z.flatten().tolist()], dtype=z.dtype).reshape(z.shape)
