"""Mistake: a row is mixed with one that is mixed already.
Expect: a row is not lam times itself
"""

def mixup(X, Y, alpha, generator):
    lam = draw_beta(alpha, len(X), generator).to(X)
    perm = torch.randperm(len(X), generator=generator)
    lx = lam.reshape(-1, *[1] * (X.ndim - 1))
    ly = lam[:, None]
    X = X.clone()
    for i in range(len(X)):
        X[i] = lx[i] * X[i] + (1 - lx[i]) * X[perm[i]]
    return X, ly * Y + (1 - ly) * Y[perm]
