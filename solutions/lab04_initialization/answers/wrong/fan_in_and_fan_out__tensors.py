"""Mistake: multiplies by torch.
Expect: expected two ints, got Tensor
"""

import torch


def fan_in_and_fan_out(shape):
    if len(shape) < 2:
        raise ValueError("too few axes")
    k = torch.tensor(list(shape[2:])).prod().long()
    return shape[1] * k, shape[0] * k
