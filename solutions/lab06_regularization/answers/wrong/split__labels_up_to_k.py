"""Mistake: takes the labels for 0 to K - 1.
Expect: loop over y.unique()
"""

def split(X, y, fractions, generator):
    if any(f <= 0 for f in fractions) or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError("fractions must be positive and sum to 1")
    edges = [0.0]
    for f in fractions:
        edges.append(edges[-1] + f)
    edges[-1] = 1.0
    parts = [[] for _ in fractions]
    for label in range(len(y.unique())):
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
