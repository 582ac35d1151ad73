"""Mistake: the end of a name is enough.
Expect: nearly right, such as "ReLU" or "relu6": nothing is raised
"""


def activation_gradient(name, z):
    if name == "sigmoid" or name.endswith("_sigmoid") and name != "leaky_relu":
        s = torch.sigmoid(z)
        return s * (1 - s)
    if name == "tanh" or name.endswith("_tanh") and name != "leaky_relu":
        return 1 - torch.tanh(z) ** 2
    if name == "relu" or name.endswith("_relu") and name != "leaky_relu":
        return (z > 0).to(z.dtype)
    if name == "leaky_relu" or name.endswith("_leaky_relu") and name != "leaky_relu":
        return torch.where(z > 0, 1.0, 0.01).to(z.dtype)
    if name == "elu" or name.endswith("_elu") and name != "leaky_relu":
        return torch.where(z > 0, torch.ones_like(z), torch.exp(z))
    if name == "gelu" or name.endswith("_gelu") and name != "leaky_relu":
        phi = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        return 0.5 * (1 + torch.erf(z / math.sqrt(2))) + z * phi
    raise ValueError(f"unknown name {name}; use sigmoid, tanh, relu, leaky_relu, elu or gelu")
