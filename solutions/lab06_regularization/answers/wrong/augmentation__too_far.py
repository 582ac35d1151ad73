"""Mistake: moves by twice as much: from 0 to 2 m after padding.
Expect: moved by more than max_pixels
"""

def random_shift(images, max_pixels, generator):
    n, h, w = images.shape
    m = max_pixels
    padded = F.pad(images, (m + 1, m + 1, m + 1, m + 1))
    dy = torch.randint(-m - 1, m + 2, (n,), generator=generator)
    dx = torch.randint(-m - 1, m + 2, (n,), generator=generator)
    out = []
    for i in range(n):
        top, left = m + 1 - int(dy[i]), m + 1 - int(dx[i])
        out.append(padded[i, top : top + h, left : left + w])
    return torch.stack(out)


def cutout(images, size, generator):
    n, h, w = images.shape
    out = images.clone()
    tops = torch.randint(0, h - size + 1, (n,), generator=generator)
    lefts = torch.randint(0, w - size + 1, (n,), generator=generator)
    for i in range(n):
        out[i, tops[i] : tops[i] + size, lefts[i] : lefts[i] + size] = 0
    return out
