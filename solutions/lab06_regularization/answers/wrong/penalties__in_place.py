"""Mistake: takes the absolute value in place.
Expect: a tensor: the input was changed in place
"""

def l1_penalty(parameters):
    total = 0
    for w in parameters:
        total = total + w.data.abs_().sum() + 0 * w.sum()
    return total


def l2_penalty(parameters):
    return sum((w**2).sum() for w in parameters)
