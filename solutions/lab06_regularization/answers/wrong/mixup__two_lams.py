"""Mistake: another lam for the targets.
Expect: X and Y are mixed in different shares
"""

def mixup(X, Y, alpha, generator):
    lam = draw_beta(alpha, len(X), generator).to(X)
    perm = torch.randperm(len(X), generator=generator)
    lx = lam.reshape(-1, *[1] * (X.ndim - 1))
    ly = draw_beta(alpha, len(X), generator).to(Y)[:, None]
    return lx * X + (1 - lx) * X[perm], ly * Y + (1 - ly) * Y[perm]
