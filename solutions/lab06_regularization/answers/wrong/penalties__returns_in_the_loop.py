"""Mistake: returns in the loop.
Expect: only the first tensor counts
"""

def l1_penalty(parameters):
    return sum(w.abs().sum() for w in parameters)


def l2_penalty(parameters):
    total = 0
    for w in parameters:
        total = total + (w**2).sum()
        return total
