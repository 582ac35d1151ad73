"""Mistake: one shift for the batch.
Expect: all images are moved alike
"""

def random_shift(images, max_pixels, generator):
    n, h, w = images.shape
    m = max_pixels
    padded = F.pad(images, (m, m, m, m))
    dy, dx = torch.randint(-m, m + 1, (2, 1), generator=generator).expand(2, n)
    out = []
    for i in range(n):
        top, left = m - int(dy[i]), m - int(dx[i])
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
