"""Mistake: half as many shares, each used twice.
Expect: rows have the same share
"""

def mixup(X, Y, alpha, generator):
    n = len(X)
    lam = draw_beta(alpha, (n + 1) // 2, generator).repeat(2)[:n].to(X.device, X.dtype)
    perm = torch.randperm(n, generator=generator).to(X.device)
    lx = lam.reshape(n, *[1] * (X.ndim - 1))
    ly = lam.reshape(n, 1)
    return lx * X + (1 - lx) * X[perm], ly * Y + (1 - ly) * Y[perm]
