"""Mistake: the shares are sorted.
Expect: put the shares in no order
"""

def mixup(X, Y, alpha, generator):
    n = len(X)
    lam = draw_beta(alpha, n, generator).to(X.device, X.dtype)
    lam = lam.sort().values
    perm = torch.randperm(n, generator=generator).to(X.device)
    lx = lam.reshape(n, *[1] * (X.ndim - 1))
    ly = lam.reshape(n, 1)
    return lx * X + (1 - lx) * X[perm], ly * Y + (1 - ly) * Y[perm]
