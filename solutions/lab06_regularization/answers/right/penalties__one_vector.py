"""Everything in one vector; l1 by the sign."""

from functools import reduce


def entries(parameters):
    return torch.cat([w.flatten() for w in parameters])


def l1_penalty(parameters):
    v = entries(parameters)
    return (v * v.sign()).sum()


def l2_penalty(parameters):
    return reduce(lambda total, w: total + w.mul(w).sum(), parameters, 0.0)
