"""Mistake: takes PyTorch's own, by a private name.
Expect: torch._VF
"""


def relu(z):
    return z.clamp(min=0)


def leaky_relu(z, slope=0.01):
    return torch.where(z > 0, z, slope * z)


def elu(z, alpha=1.0):
    return torch.where(z > 0, z, alpha * (torch.exp(z.clamp(max=0)) - 1))


def tanh(z):
    return torch._VF.tanh(z)


def gelu(z):
    return z * (1 + torch.erf(z / math.sqrt(2))) / 2
