"""Mistake: asks nnutils.
Expect: nnutils.regularization is refused
"""

from nnutils import regularization


def l1_penalty(parameters):
    return regularization.l1_penalty(parameters)


def l2_penalty(parameters):
    return sum((w**2).sum() for w in parameters)
