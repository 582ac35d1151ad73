"""Rolls each image and clears what came round; the square as a product of two masks."""

def random_shift(images, max_pixels, generator):
    shifts = torch.randint(-max_pixels, max_pixels + 1, (len(images), 2), generator=generator).tolist()
    out = torch.empty_like(images)
    for image, target, (dy, dx) in zip(images, out, shifts):
        target[:] = torch.roll(image, (dy, dx), dims=(0, 1))
        if dy > 0:
            target[:dy] = 0
        elif dy < 0:
            target[dy:] = 0
        if dx > 0:
            target[:, :dx] = 0
        elif dx < 0:
            target[:, dx:] = 0
    return out


def cutout(images, size, generator):
    n, h, w = images.shape
    u = torch.rand(n, 2, generator=generator, dtype=torch.float64)
    top = (u[:, :1] * (h - size + 1)).long()
    left = (u[:, 1:] * (w - size + 1)).long()
    r, c = torch.arange(h), torch.arange(w)
    rows = (r >= top) & (r < top + size)
    columns = (c >= left) & (c < left + size)
    return images * ~(rows[:, :, None] & columns[:, None, :])
