"""Mistake: multiplies by a float32 mask, so that float16 images become float32.
Expect: in float16: expected dtype
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def random_shift(images: Tensor, max_pixels: int, generator: torch.Generator) -> Tensor:
    (n, height, width), m = images.shape, max_pixels
    moves = torch.randint(-m, m + 1, (n, 2), generator=generator).tolist()
    padded = F.pad(images, (m, m, m, m))
    result = torch.zeros_like(images)
    for i, (dy, dx) in enumerate(moves):
        result[i] = padded[i, m - dy : m - dy + height, m - dx : m - dx + width]
    return result


def cutout(images: Tensor, size: int, generator: torch.Generator) -> Tensor:
    n, height, width = images.shape
    tops = torch.randint(0, height - size + 1, (n,), generator=generator).tolist()
    lefts = torch.randint(0, width - size + 1, (n,), generator=generator).tolist()
    mask = torch.ones(images.shape, device=images.device)
    for i, (top, left) in enumerate(zip(tops, lefts, strict=True)):
        mask[i, top : top + size, left : left + size] = 0
    return images * mask
