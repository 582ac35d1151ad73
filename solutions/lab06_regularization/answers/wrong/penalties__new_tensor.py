"""Mistake: makes a new tensor of floats.
Expect: no gradient flows through
"""

def l1_penalty(parameters):
    return sum(w.abs().sum() for w in parameters)


def l2_penalty(parameters):
    return torch.tensor(sum(float((w**2).sum()) for w in parameters))
