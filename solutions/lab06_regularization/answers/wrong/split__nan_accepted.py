"""Mistake: a nan among the fractions is accepted.
Expect: nan] are accepted; raise a ValueError
"""

def split(X, y, fractions, generator):
    if any(f <= 0 for f in fractions) or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError
    cum = torch.tensor(list(fractions), dtype=torch.float64).cumsum(0)
    parts = [[] for _ in fractions]
    for k in y.unique():
        rows = (y == k).nonzero()[:, 0]
        rows = rows[torch.randperm(len(rows), generator=generator).to(rows.device)]
        cuts = [0] + (cum * len(rows)).round().long().tolist()
        cuts[-1] = len(rows)
        for part, a, b in zip(parts, cuts, cuts[1:]):
            part.append(rows[a:b])
    out = []
    for part in parts:
        part = torch.cat(part)
        part = part[torch.randperm(len(part), generator=generator).to(part.device)]
        out.append((X[part], y[part]))
    return out
