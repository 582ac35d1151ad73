"""Mistake: reads .data.
Expect: no gradient flows through
"""

def l1_penalty(parameters):
    return sum(w.data.abs().sum() for w in parameters)


def l2_penalty(parameters):
    return sum((w**2).sum() for w in parameters)
