"""Indices clamped and masked; the place of the square by one number."""

def random_shift(images, max_pixels, generator):
    n, h, w = images.shape
    side = 2 * max_pixels + 1
    number = torch.randint(side * side, (n, 1, 1), generator=generator)
    y = torch.arange(h).view(1, h, 1) - (number // side - max_pixels)
    x = torch.arange(w).view(1, 1, w) - (number % side - max_pixels)
    inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
    flat = (y.clamp(0, h - 1) * w + x.clamp(0, w - 1)).reshape(n, -1)
    return torch.where(inside, images.reshape(n, -1).gather(1, flat).reshape(n, h, w), 0)


def cutout(images, size, generator):
    n, h, w = images.shape
    places = [(y, x) for y in range(h - size + 1) for x in range(w - size + 1)]
    result = images.detach().clone()
    for image, k in zip(result, torch.randint(len(places), (n,), generator=generator)):
        y, x = places[int(k)]
        image[y : y + size, x : x + size].zero_()
    return result
