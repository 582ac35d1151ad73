"""Mistake: rows and labels are shuffled by two permutations.
Expect: rows and labels are not in the same order
"""

def split(X, y, fractions, generator):
    if any(f <= 0 for f in fractions) or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError("fractions must be positive and sum to 1")
    edges = [0.0]
    for f in fractions:
        edges.append(edges[-1] + f)
    edges[-1] = 1.0
    order = torch.randperm(len(y), generator=generator)
    X, y = X[order], y[torch.randperm(len(y), generator=generator)]
    cuts = [round(e * len(y)) for e in edges]
    return [(X[a:b], y[a:b]) for a, b in zip(cuts[:-1], cuts[1:])]
