"""Mistake: the mean of all entries.
Expect: this is the mean of the entries
"""

def l1_penalty(parameters):
    return sum(w.abs().sum() for w in parameters)


def l2_penalty(parameters):
    return torch.cat([w.reshape(-1) for w in parameters]).pow(2).mean()
