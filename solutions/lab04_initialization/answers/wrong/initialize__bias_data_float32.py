"""Mistake: gives the biases new data in float32.
Expect: a bias has another dtype afterwards
"""

import torch
from torch import nn


def initialize(model: nn.Module, scheme: str, generator: torch.Generator | None = None) -> nn.Module:
    """Draw the weights of all nn.Linear and nn.Conv2d of a model by a scheme, set their biases to 0; return the model."""
    fill = {
        "zeros": lambda w, generator: w.zero_(),
        "small_normal": lambda w, generator: w.normal_(0, 0.01, generator=generator),
        "large_normal": lambda w, generator: w.normal_(0, 1, generator=generator),
        "xavier_uniform": lambda w, generator: xavier_uniform_(w, generator=generator),
        "xavier_normal": lambda w, generator: xavier_normal_(w, generator=generator),
        "he_uniform": lambda w, generator: he_uniform_(w, generator=generator),
        "he_normal": lambda w, generator: he_normal_(w, generator=generator),
    }[scheme]
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                fill(layer.weight, generator)
                if layer.bias is not None:
                    layer.bias.data = torch.zeros(layer.weight.shape[0], device=layer.weight.device)
    return model
