"""NumPy, seeded from the generator, and scaled in place."""

import numpy as np
import torch


def _numpy(generator):
    return np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))


@torch.no_grad()
def _fill(tensor, numbers, std):
    tensor.zero_()
    tensor += torch.as_tensor(numbers, dtype=tensor.dtype)
    tensor *= std
    return tensor


def _std(tensor, xavier, gain):
    fan_in, fan_out = np.prod(tensor.shape[1:]), tensor.shape[0] * np.prod(tensor.shape[2:])
    return float(gain * np.sqrt(2 / (fan_in + fan_out) if xavier else 1 / fan_in))


def xavier_uniform_(tensor, gain=1.0, generator=None):
    return _fill(tensor, _numpy(generator).uniform(-(3**0.5), 3**0.5, tuple(tensor.shape)), _std(tensor, True, gain))


def xavier_normal_(tensor, gain=1.0, generator=None):
    return _fill(tensor, _numpy(generator).standard_normal(tuple(tensor.shape)), _std(tensor, True, gain))


def he_uniform_(tensor, gain=2**0.5, generator=None):
    return _fill(tensor, _numpy(generator).uniform(-(3**0.5), 3**0.5, tuple(tensor.shape)), _std(tensor, False, gain))


def he_normal_(tensor, gain=2**0.5, generator=None):
    return _fill(tensor, _numpy(generator).standard_normal(tuple(tensor.shape)), _std(tensor, False, gain))
