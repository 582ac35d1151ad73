"""Bernoulli draws, masked_fill, p kept as a buffer; a warning."""

import warnings

import torch


class Dropout(torch.nn.Module):
    def __init__(self, p=0.5, verbose=False):
        super(Dropout, self).__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"bad p {p}")
        self.keep = 1.0 - p

    def extra_repr(self):
        return f"keep={self.keep}"

    def forward(self, inputs):
        if self.training:
            if self.keep == 0:
                warnings.warn("all is dropped", stacklevel=2)
                return torch.zeros_like(inputs) * inputs
            mask = torch.bernoulli(torch.full_like(inputs, self.keep)).bool()
            return (inputs / self.keep).masked_fill(~mask, 0.0)
        return inputs
