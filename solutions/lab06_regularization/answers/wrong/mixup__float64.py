"""Mistake: NumPy draws, float64.
Expect: expected dtype torch.float32, got torch.float64
"""

def mixup(X, Y, alpha, generator):
    lam = torch.from_numpy(__import__("numpy").random.default_rng(int(torch.randint(2**31, (), generator=generator))).beta(alpha, alpha, len(X)))
    perm = torch.randperm(len(X), generator=generator)
    lx = lam.reshape(-1, *[1] * (X.ndim - 1))
    ly = lam[:, None]
    return lx * X + (1 - lx) * X[perm], ly * Y + (1 - ly) * Y[perm]
