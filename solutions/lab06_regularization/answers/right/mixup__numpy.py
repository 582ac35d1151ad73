"""Beta and permutation by NumPy, seeded from the generator."""

import numpy as np


def mixup(X, Y, alpha, generator):
    seed = torch.randint(0, 2**31, (1,), generator=generator).item()
    rng = np.random.default_rng(seed)
    lam = torch.as_tensor(rng.beta(alpha, alpha, size=len(X)), dtype=X.dtype)
    perm = rng.permutation(len(X))

    def mix(t):
        l = lam.view((-1,) + (1,) * (t.dim() - 1)).to(t.device)
        return t * l + t[perm] * (1 - l)

    return [mix(X), mix(Y)]
