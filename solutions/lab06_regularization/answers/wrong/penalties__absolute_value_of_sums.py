"""Mistake: the absolute value of each sum.
Expect: take it of each entry
"""

def l1_penalty(parameters):
    return sum(w.sum().abs() for w in parameters)


def l2_penalty(parameters):
    return sum((w**2).sum() for w in parameters)
