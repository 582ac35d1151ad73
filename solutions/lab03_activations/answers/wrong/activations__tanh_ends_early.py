"""Mistake: -1 and 1 stand in for tanh far from 0.
Expect: far from 0 the result is -1 or 1 too early
"""


def relu(z):
    return z.clamp(min=0)


def leaky_relu(z, slope=0.01):
    return torch.where(z > 0, z, slope * z)


def elu(z, alpha=1.0):
    return torch.where(z > 0, z, alpha * (torch.exp(z.clamp(max=0)) - 1))


def tanh(z):
    e = torch.exp(2 * z.clamp(-50, 50))
    return torch.where(z.abs() > 8, torch.sign(z), (e - 1) / (e + 1))


def gelu(z):
    return z * (1 + torch.erf(z / math.sqrt(2))) / 2
