"""Mistake: the result has an axis.
Expect: expected shape (), got (1,)
"""

def l1_penalty(parameters):
    return sum(w.abs().sum().reshape(1) for w in parameters)


def l2_penalty(parameters):
    return sum((w**2).sum() for w in parameters)
