"""Largest remainders, Python lists, a tuple of tuples."""

import math


def quotas(n, fractions):
    sizes = [math.floor(f * n) for f in fractions]
    order = sorted(range(len(fractions)), key=lambda j: sizes[j] - fractions[j] * n)
    for j in order[: n - sum(sizes)]:
        sizes[j] += 1
    return sizes


def split(X, y, fractions, generator):
    if min(fractions) <= 0:
        raise ValueError("positive fractions only")
    if not math.isclose(sum(fractions), 1.0, abs_tol=1e-6, rel_tol=0):
        raise ValueError("they must sum to one")
    lists = [[] for _ in fractions]
    shuffled = torch.randperm(len(y), generator=generator).tolist()
    for label in sorted(set(y.tolist())):
        mine = [i for i in shuffled if y[i].item() == label]
        for part, size in zip(lists, quotas(len(mine), fractions)):
            part += [mine.pop() for _ in range(size)]
    out = []
    for part in lists:
        index = torch.tensor(part, dtype=torch.long)[torch.randperm(len(part), generator=generator)]
        out.append((X[index], y[index]))
    return tuple(out)
