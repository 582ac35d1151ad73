"""Mistake: computes under no_grad.
Expect: no gradient flows through
"""

def l1_penalty(parameters):
    return sum(w.abs().sum() for w in parameters)


@torch.no_grad()
def l2_penalty(parameters):
    return sum((w**2).sum() for w in parameters)
