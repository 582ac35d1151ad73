"""Mistake: a small number under the root.
Expect: wrong value
"""

def l1_penalty(parameters):
    return sum(torch.sqrt(w**2 + 1e-6).sum() for w in parameters)


def l2_penalty(parameters):
    return sum((w**2).sum() for w in parameters)
