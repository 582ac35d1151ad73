"""Mistake: nnutils.
Expect: is refused in this question
"""

from nnutils import diagnostics


def gradient_norms(model, X, y):
    found = diagnostics.gradient_statistics(model, X, y)
    return [g.norm for name, g in found.items() if name.endswith("weight")]
