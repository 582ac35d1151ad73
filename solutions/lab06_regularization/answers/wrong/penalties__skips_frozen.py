"""Mistake: leaves out what requires no gradient.
Expect: where one tensor requires no gradient
"""

def l1_penalty(parameters):
    return sum(w.abs().sum() for w in parameters if w.requires_grad)


def l2_penalty(parameters):
    return sum((w**2).sum() for w in parameters)
