"""Mistake: puts the generator back before each convolution.
Expect: two layers of one shape have equal weights; let one generator go on
"""

import torch
from torch import nn


def initialize(model, scheme, generator=None):
    start = None if generator is None else generator.get_state()
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            w = module.weight
            if generator is not None and isinstance(module, nn.Conv2d):
                generator.set_state(start)
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
