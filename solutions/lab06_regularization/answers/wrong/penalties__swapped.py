"""Mistake: the two are swapped.
Expect: this is the sum of squares
"""

def l1_penalty(parameters):
    return sum((w**2).sum() for w in parameters)


def l2_penalty(parameters):
    return sum(w.abs().sum() for w in parameters)
