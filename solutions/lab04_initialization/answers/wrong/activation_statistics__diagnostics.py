"""Mistake: asks the course package.
Expect: nnutils.diagnostics is refused in this question
"""

from nnutils import diagnostics


def activation_statistics(model, X):
    return [(layer.mean, layer.std) for layer in diagnostics.activation_statistics(model, X)]
