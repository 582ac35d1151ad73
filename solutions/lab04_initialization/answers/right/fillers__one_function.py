"""One function for all four, numbers drawn apart and copied."""

import torch


def _draw(tensor, law, variance, generator):
    numbers = torch.zeros(tensor.shape, dtype=torch.float64)
    if law == "normal":
        numbers = torch.randn(tensor.shape, dtype=torch.float64, generator=generator)
    else:
        numbers = (2 * torch.rand(tensor.shape, dtype=torch.float64, generator=generator) - 1) * 3**0.5
    with torch.no_grad():
        tensor.copy_(numbers * variance**0.5)
    return tensor


def xavier_uniform_(tensor, gain=1.0, generator=None):
    fan_in, fan_out = fan_in_and_fan_out(list(tensor.shape))
    return _draw(tensor, "uniform", gain * gain * 2.0 / (fan_in + fan_out), generator)


def xavier_normal_(tensor, gain=1.0, generator=None):
    fan_in, fan_out = fan_in_and_fan_out(list(tensor.shape))
    return _draw(tensor, "normal", gain * gain * 2.0 / (fan_in + fan_out), generator)


def he_uniform_(tensor, gain=2**0.5, generator=None):
    return _draw(tensor, "uniform", gain * gain / fan_in_and_fan_out(tensor.shape)[0], generator)


def he_normal_(tensor, gain=2**0.5, generator=None):
    return _draw(tensor, "normal", gain * gain / fan_in_and_fan_out(tensor.shape)[0], generator)
