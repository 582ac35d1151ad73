"""Mistake: nnutils.
Expect: is refused in this question
"""

from nnutils import activations


def activation_gradient(name, z):
    if name not in ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu"):
        raise ValueError("known: sigmoid, tanh, relu, leaky_relu, elu, gelu")
    return activations.ACTIVATIONS[name].derivative(z)
