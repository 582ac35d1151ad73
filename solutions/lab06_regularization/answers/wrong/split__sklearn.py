"""Mistake: asks scikit-learn.
Expect: sklearn.model_selection is refused
"""

from sklearn.model_selection import train_test_split


def split(X, y, fractions, generator):
    parts, rest, left = [], (X, y), 1.0
    for f in fractions[:-1]:
        seed = int(torch.randint(2**31, (), generator=generator))
        a, b, c, d = train_test_split(*rest, train_size=f / left, stratify=rest[1], random_state=seed)
        parts.append((a, c))
        rest, left = (b, d), left - f
    return [*parts, rest]
