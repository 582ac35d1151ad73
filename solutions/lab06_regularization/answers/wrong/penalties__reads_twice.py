"""Mistake: reads the generator twice.
Expect: got int
"""

def l1_penalty(parameters):
    return sum(w.abs().sum() for w in parameters)


def l2_penalty(parameters):
    count = sum(1 for _ in parameters)
    return sum((w**2).sum() for w in parameters)
