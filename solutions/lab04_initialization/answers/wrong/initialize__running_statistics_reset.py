"""Mistake: resets the running statistics of batch norm.
Expect: a module that is neither nn.Linear nor nn.Conv2d has changed
"""

import torch
from torch import nn


def initialize(model, scheme, generator=None):
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
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    return model
