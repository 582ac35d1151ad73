"""Mistake: takes the fans of a convolution from its channels, not from the shape of its weight.
Expect: of a convolution in groups
"""

import math

import torch
from torch import nn


def initialize(model: nn.Module, scheme: str, generator: torch.Generator | None = None) -> nn.Module:
    """Draw the weights of all nn.Linear and nn.Conv2d of a model by a scheme, set their biases to 0; return the model."""
    rule, _, law = scheme.partition("_")
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d):
                window = math.prod(layer.kernel_size)
                fan_in, fan_out = layer.in_channels * window, layer.out_channels * window
            elif isinstance(layer, nn.Linear):
                fan_in, fan_out = layer.in_features, layer.out_features
            else:
                continue
            std = {"zeros": 0.0, "small": 0.01, "large": 1.0, "he": (2 / fan_in) ** 0.5}.get(rule)
            std = (2 / (fan_in + fan_out)) ** 0.5 if std is None else std
            if law == "uniform":
                layer.weight.uniform_(-(3**0.5) * std, 3**0.5 * std, generator=generator)
            elif law == "normal":
                layer.weight.normal_(0, std, generator=generator)
            else:
                layer.weight.zero_()
            if layer.bias is not None:
                layer.bias.zero_()
    return model
