"""Mistake: partners drawn one by one.
Expect: two rows meet the same other row
"""

def mixup(X, Y, alpha, generator):
    lam = draw_beta(alpha, len(X), generator).to(X)
    perm = torch.randint(len(X), (len(X),), generator=generator)
    lx = lam.reshape(-1, *[1] * (X.ndim - 1))
    ly = lam[:, None]
    return lx * X + (1 - lx) * X[perm], ly * Y + (1 - ly) * Y[perm]
