"""Mistake: cuts an even draw toward 0.
Expect: the ends come half as often as 0
"""

def random_shift(images, max_pixels, generator):
    n, h, w = images.shape
    m = max_pixels
    moves = ((torch.rand(n, 2, generator=generator) * 2 - 1) * (m + 1)).int().tolist()
    out = torch.zeros_like(images)
    for i, (dy, dx) in enumerate(moves):
        out[i, max(dy, 0):h + min(dy, 0), max(dx, 0):w + min(dx, 0)] = images[i, max(-dy, 0):h + min(-dy, 0), max(-dx, 0):w + min(-dx, 0)]
    return out


def cutout(images, size, generator):
    n, h, w = images.shape
    tops = torch.randint(0, h - size + 1, (n,), generator=generator).tolist()
    lefts = torch.randint(0, w - size + 1, (n,), generator=generator).tolist()
    out = images.clone()
    for i in range(n):
        out[i, tops[i]:tops[i] + size, lefts[i]:lefts[i] + size] = 0
    return out
