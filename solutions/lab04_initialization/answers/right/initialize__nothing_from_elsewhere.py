"""All in one function, by .data and the names of the parameters."""

import torch
from torch import nn


def initialize(model, scheme, generator=None):
    for name, w in list(model.named_parameters()):
        path, _, kind = name.rpartition(".")
        owner = model.get_submodule(path)
        if not (isinstance(owner, nn.Linear) or isinstance(owner, nn.Conv2d)):
            continue
        if kind == "bias":
            w.data *= 0
            continue
        out, inp = w.shape[:2]
        window = w.numel() / (out * inp)
        std = {
            "zeros": 0.0,
            "small_normal": 0.01,
            "large_normal": 1.0,
            "xavier_uniform": (2 / ((out + inp) * window)) ** 0.5,
            "xavier_normal": (2 / ((out + inp) * window)) ** 0.5,
            "he_uniform": (2 / (inp * window)) ** 0.5,
            "he_normal": (2 / (inp * window)) ** 0.5,
        }[scheme]
        if scheme == "zeros":
            w.data.zero_()
        elif scheme.endswith("uniform"):
            w.data = (torch.rand(w.shape, dtype=w.dtype, generator=generator) - 0.5) * 12**0.5 * std
        else:
            w.data = torch.randn(w.shape, dtype=w.dtype, generator=generator) * std
    return model
