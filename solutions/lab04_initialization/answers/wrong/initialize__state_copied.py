"""Mistake: draws from a copy of the generator.
Expect: `generator` stands where it stood before; draw from it, not from a copy
"""

import torch
from torch import nn


def initialize(model, scheme, generator=None):
    if generator is not None:
        state, generator = generator.get_state(), torch.Generator()
        generator.set_state(state)
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            w = module.weight
            with torch.no_grad():
                if scheme == "zeros":
                    w.zero_()
                elif scheme == "small_normal":
                    w.normal_(0, 0.01, generator=generator)
                elif scheme == "large_normal":
                    w.normal_(0, 1, generator=generator)
                elif scheme == "xavier_uniform":
                    xavier_uniform_(w, generator=generator)
                elif scheme == "xavier_normal":
                    xavier_normal_(w, generator=generator)
                elif scheme == "he_uniform":
                    he_uniform_(w, generator=generator)
                elif scheme == "he_normal":
                    he_normal_(w, generator=generator)
                if module.bias is not None:
                    module.bias.zero_()
    return model
