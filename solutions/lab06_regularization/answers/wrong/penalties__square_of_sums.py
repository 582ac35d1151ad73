"""Mistake: squares the sums.
Expect: square each entry
"""

def l1_penalty(parameters):
    return sum(w.abs().sum() for w in parameters)


def l2_penalty(parameters):
    return sum(w.sum() ** 2 for w in parameters)
