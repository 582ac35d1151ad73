"""Mistake: the factor 1/2 of the textbook.
Expect: the factor 1/2 does not belong
"""

def l1_penalty(parameters):
    return sum(w.abs().sum() for w in parameters)


def l2_penalty(parameters):
    return 0.5 * sum(w.pow(2).sum() for w in parameters)
