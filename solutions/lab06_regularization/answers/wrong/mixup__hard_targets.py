"""Mistake: the targets are rounded to the larger share.
Expect: hard labels
"""

def mixup(X, Y, alpha, generator):
    lam = draw_beta(alpha, len(X), generator).to(X)
    perm = torch.randperm(len(X), generator=generator)
    lx = lam.reshape(-1, *[1] * (X.ndim - 1))
    ly = lam[:, None]
    return lx * X + (1 - lx) * X[perm], torch.where(ly >= 0.5, Y, Y[perm])
