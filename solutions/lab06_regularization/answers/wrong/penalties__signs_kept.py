"""Mistake: the entries are summed with their signs.
Expect: take the absolute value of each
"""

def l1_penalty(parameters):
    return sum(w.sum() for w in parameters)


def l2_penalty(parameters):
    return sum((w**2).sum() for w in parameters)
