"""Mistake: draws from Beta(alpha + 1, alpha + 1).
Expect: the shares are too close to 0.5
"""

def mixup(X, Y, alpha, generator):
    n = len(X)
    lam = draw_beta(alpha + 1, n, generator).to(X.device, X.dtype)
    perm = torch.randperm(n, generator=generator).to(X.device)
    lx = lam.reshape(n, *[1] * (X.ndim - 1))
    ly = lam.reshape(n, 1)
    return lx * X + (1 - lx) * X[perm], ly * Y + (1 - ly) * Y[perm]
