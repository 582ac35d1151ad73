"""Mistake: takes PyTorch's own, by a private name.
Expect: torch._refs
"""


def relu(z):
    return z.clamp(min=0)


def leaky_relu(z, slope=0.01):
    return torch.where(z > 0, z, slope * z)


def elu(z, alpha=1.0):
    return torch.where(z > 0, z, alpha * (torch.exp(z.clamp(max=0)) - 1))


def tanh(z):
    return 2 * torch.sigmoid(2 * z) - 1


def gelu(z):
    import torch._refs.nn.functional as R

    return R.gelu(z)
