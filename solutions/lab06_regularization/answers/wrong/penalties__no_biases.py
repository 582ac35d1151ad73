"""Mistake: leaves out tensors of one axis, as weight decay often does.
Expect: tensors with one axis are left out
"""

def l1_penalty(parameters):
    return sum(w.abs().sum() for w in parameters)


def l2_penalty(parameters):
    return sum((w**2).sum() for w in parameters if w.ndim > 1)
