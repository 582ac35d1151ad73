"""Mistake: mixes in place.
Expect: X: the input was changed in place
"""

def mixup(X, Y, alpha, generator):
    lam = draw_beta(alpha, len(X), generator).to(X)
    perm = torch.randperm(len(X), generator=generator)
    lx = lam.reshape(-1, *[1] * (X.ndim - 1))
    ly = lam[:, None]
    X.mul_(lx)
    return lx * X + (1 - lx) * X[perm], ly * Y + (1 - ly) * Y[perm]
