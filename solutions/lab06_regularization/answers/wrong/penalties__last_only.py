"""Mistake: overwrites in the loop.
Expect: only the last tensor counts
"""

def l1_penalty(parameters):
    for w in parameters:
        total = w.abs().sum()
    return total


def l2_penalty(parameters):
    return sum((w**2).sum() for w in parameters)
