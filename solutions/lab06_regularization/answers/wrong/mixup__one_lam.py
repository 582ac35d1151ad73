"""Mistake: one lam for the batch, as in the paper.
Expect: all rows have one share
"""

def mixup(X, Y, alpha, generator):
    lam = draw_beta(alpha, 1, generator).to(X).expand(len(X))
    perm = torch.randperm(len(X), generator=generator)
    lx = lam.reshape(-1, *[1] * (X.ndim - 1))
    ly = lam[:, None]
    return lx * X + (1 - lx) * X[perm], ly * Y + (1 - ly) * Y[perm]
