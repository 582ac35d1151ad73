"""Gives each row the part in which its rank lies, then shuffles all rows once."""

def split(X, y, fractions, generator):
    total = 0.0
    for f in fractions:
        if not f > 0:
            raise ValueError
        total += f
    if abs(total - 1) > 1e-6:
        raise ValueError
    edges = torch.tensor(list(fractions), dtype=torch.float64).cumsum(0)
    order = torch.randperm(len(y), generator=generator)
    part_of = torch.empty(len(y), dtype=torch.long)
    for label in torch.unique(y):
        mine = order[y[order] == label]
        rank = (torch.arange(len(mine), dtype=torch.float64) + 0.5) / len(mine)
        part_of[mine] = torch.searchsorted(edges, rank).clamp(max=len(edges) - 1)
    again = torch.randperm(len(y), generator=generator)
    return [(X[again[part_of[again] == j]], y[again[part_of[again] == j]]) for j in range(len(edges))]
