"""Mistake: alpha has no effect.
Expect: Beta(alpha, alpha); alpha has no effect
"""

def mixup(X, Y, alpha, generator):
    lam = torch.rand(len(X), generator=generator).to(X)
    perm = torch.randperm(len(X), generator=generator)
    lx = lam.reshape(-1, *[1] * (X.ndim - 1))
    ly = lam[:, None]
    return lx * X + (1 - lx) * X[perm], ly * Y + (1 - ly) * Y[perm]
