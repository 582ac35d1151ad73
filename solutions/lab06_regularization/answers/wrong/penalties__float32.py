"""Mistake: sums into a float32.
Expect: expected dtype torch.float64, got torch.float32
"""

def l1_penalty(parameters):
    return sum(w.abs().sum() for w in parameters)


def l2_penalty(parameters):
    return sum((w**2).sum().float() for w in parameters)
