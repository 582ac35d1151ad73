"""Mistake: a float, no gradient.
Expect: expected a torch.Tensor, got float
"""

def l1_penalty(parameters):
    return sum(w.abs().sum() for w in parameters)


def l2_penalty(parameters):
    return sum((w**2).sum().item() for w in parameters)
