"""Mistake: lam for both rows.
Expect: a row is not lam times itself
"""

def mixup(X, Y, alpha, generator):
    lam = draw_beta(alpha, len(X), generator).to(X)
    perm = torch.randperm(len(X), generator=generator)
    lx = lam.reshape(-1, *[1] * (X.ndim - 1))
    ly = lam[:, None]
    return lx * X + lx * X[perm], ly * Y + (1 - ly) * Y[perm]
