"""Mistake: knows inputs of two axes only.
Expect: your code raised
"""

def mixup(X, Y, alpha, generator):
    lam = draw_beta(alpha, len(X), generator).to(X)
    perm = torch.randperm(len(X), generator=generator)
    lx = lam[:, None]
    ly = lam[:, None]
    return lx * X + (1 - lx) * X[perm], ly * Y + (1 - ly) * Y[perm]
