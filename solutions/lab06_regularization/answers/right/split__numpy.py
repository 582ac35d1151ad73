"""NumPy, seeded from the generator."""

import numpy as np


def split(X, y, fractions, generator):
    f = np.asarray(fractions, dtype=float)
    if not (f > 0).all() or abs(f.sum() - 1) > 1e-6:
        raise ValueError(f"bad fractions {fractions}")
    rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
    labels = y.cpu().numpy()
    owner = np.zeros(len(labels), dtype=int)
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        cuts = np.rint(np.cumsum(f)[:-1] * len(rows)).astype(int)
        for part, piece in enumerate(np.split(rows, cuts)):
            owner[piece] = part
    parts = []
    for part in range(len(f)):
        rows = torch.from_numpy(rng.permutation(np.flatnonzero(owner == part)))
        parts.append((X[rows], y[rows]))
    return parts
