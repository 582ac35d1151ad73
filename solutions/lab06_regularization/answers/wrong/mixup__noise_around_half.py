"""Mistake: lam near one half, whatever alpha.
Expect: the shares are too close to 0.5
"""

def mixup(X, Y, alpha, generator):
    lam = (0.4 + 0.2 * torch.rand(len(X), generator=generator)).to(X)
    perm = torch.randperm(len(X), generator=generator)
    lx = lam.reshape(-1, *[1] * (X.ndim - 1))
    ly = lam[:, None]
    return lx * X + (1 - lx) * X[perm], ly * Y + (1 - ly) * Y[perm]
