"""Mistake: asks PyTorch.
Expect: torch.nn.init is refused in this question
"""

from torch.nn.init import calculate_gain


def gain(nonlinearity, slope=0.01):
    return calculate_gain(nonlinearity, slope)
