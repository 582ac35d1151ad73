"""Mistake: Beta(alpha, 1).
Expect: the mean share is
"""

def mixup(X, Y, alpha, generator):
    lam = torch.rand(len(X), generator=generator).pow(1 / alpha).to(X)
    perm = torch.randperm(len(X), generator=generator)
    lx = lam.reshape(-1, *[1] * (X.ndim - 1))
    ly = lam[:, None]
    return lx * X + (1 - lx) * X[perm], ly * Y + (1 - ly) * Y[perm]
