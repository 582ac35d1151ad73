"""Mistake: negative fractions are accepted.
Expect: are accepted; raise a ValueError
"""

def split(X, y, fractions, generator):
    if abs(sum(fractions) - 1) > 1e-6:
        raise ValueError("fractions must be positive and sum to 1")
    edges = [0.0]
    for f in fractions:
        edges.append(edges[-1] + f)
    edges[-1] = 1.0
    parts = [[] for _ in fractions]
    for label in y.unique():
        rows = torch.nonzero(y == label).flatten()
        rows = rows[torch.randperm(len(rows), generator=generator)]
        cuts = [round(e * len(rows)) for e in edges]
        for j in range(len(fractions)):
            parts[j].append(rows[cuts[j] : cuts[j + 1]])
    result = []
    for pieces in parts:
        rows = torch.cat(pieces)
        rows = rows[torch.randperm(len(rows), generator=generator)]
        result.append((X[rows], y[rows]))
    return result
