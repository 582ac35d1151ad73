"""Mistake: the norm of all entries.
Expect: the root is taken; the penalty
"""

def l1_penalty(parameters):
    return sum(w.abs().sum() for w in parameters)


def l2_penalty(parameters):
    return torch.cat([w.reshape(-1) for w in parameters]).norm()
