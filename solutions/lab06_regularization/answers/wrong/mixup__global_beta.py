"""Mistake: torch.distributions.Beta, which takes no generator.
Expect: draw nothing from the global generator
"""

def mixup(X, Y, alpha, generator):
    lam = torch.distributions.Beta(alpha, alpha).sample((len(X),)).to(X)
    perm = torch.randperm(len(X), generator=generator)
    lx = lam.reshape(-1, *[1] * (X.ndim - 1))
    ly = lam[:, None]
    return lx * X + (1 - lx) * X[perm], ly * Y + (1 - ly) * Y[perm]
