"""model.apply with an inner function and positional arguments."""

import torch
from torch import nn


def initialize(model, scheme, generator=None):
    rule, law = (scheme.split("_") + [""])[:2]

    @torch.no_grad()
    def visit(layer):
        if not isinstance(layer, (nn.Linear, nn.Conv2d)):
            return
        if rule == "zeros":
            layer.weight.fill_(0.0)
        elif rule in ("xavier", "he"):
            globals()[scheme + "_"](layer.weight, 1.0 if rule == "xavier" else gain("relu"), generator)
        else:
            layer.weight.copy_(torch.randn(layer.weight.shape, generator=generator) * {"small": 0.01, "large": 1.0}[rule])
        if layer.bias is not None:
            nn.utils.vector_to_parameters(torch.zeros(layer.bias.numel(), dtype=layer.bias.dtype), [layer.bias])

    return model.apply(visit)
