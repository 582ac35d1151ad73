"""Mistake: takes the root of the square, which overflows.
Expect: relu at z between
"""

def relu(z: Tensor) -> Tensor:
    return (z + (z**2).sqrt()) / 2


def leaky_relu(z: Tensor, slope: float = 0.01) -> Tensor:
    return torch.where(z > 0, z, slope * z)


def elu(z: Tensor, alpha: float = 1.0) -> Tensor:
    return torch.where(z > 0, z, alpha * (torch.exp(z.clamp(max=0)) - 1))


def tanh(z: Tensor) -> Tensor:
    e = torch.exp(-2 * z.abs())
    return torch.sign(z) * (1 - e) / (1 + e)


def gelu(z: Tensor) -> Tensor:
    return z * 0.5 * (1 + torch.erf(z / math.sqrt(2)))
