"""NumPy, seeded from the generator."""

import numpy as np


def _rng(generator):
    return np.random.default_rng(torch.randint(2**62, (), generator=generator).item())


def random_shift(images, max_pixels, generator):
    rng, m = _rng(generator), max_pixels
    a = images.cpu().numpy()
    out = np.zeros_like(a)
    _, h, w = a.shape
    for k, (dy, dx) in enumerate(rng.integers(-m, m, size=(len(a), 2), endpoint=True)):
        out[k, max(dy, 0) : h + min(dy, 0), max(dx, 0) : w + min(dx, 0)] = a[
            k, max(-dy, 0) : h + min(-dy, 0), max(-dx, 0) : w + min(-dx, 0)
        ]
    return torch.from_numpy(out).to(images.device)


def cutout(images, size, generator):
    rng = _rng(generator)
    out = images.cpu().numpy().copy()
    for picture in out:
        y = rng.integers(picture.shape[0] - size + 1)
        x = rng.integers(picture.shape[1] - size + 1)
        picture[y : y + size, x : x + size] = 0
    return torch.from_numpy(out).to(images.device)
