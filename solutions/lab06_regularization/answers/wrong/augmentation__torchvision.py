"""Mistake: asks torchvision.
Expect: torchvision.transforms is refused
"""

from torchvision.transforms import RandomAffine


def random_shift(images, max_pixels, generator):
    n, h, w = images.shape
    change = RandomAffine(0, translate=(max_pixels / w, max_pixels / h))
    return torch.stack([change(image[None])[0] for image in images])



def cutout(images, size, generator):
    n, h, w = images.shape
    out = images.clone()
    tops = torch.randint(0, h - size + 1, (n,), generator=generator)
    lefts = torch.randint(0, w - size + 1, (n,), generator=generator)
    for i in range(n):
        out[i, tops[i] : tops[i] + size, lefts[i] : lefts[i] + size] = 0
    return out
