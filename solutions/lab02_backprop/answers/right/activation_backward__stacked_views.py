"""Both gradients as rows of one stacked tensor, returned as views."""

def relu_backward(grad_out, z):
    return torch.stack([grad_out * (z > 0), z], -1)[..., 0]


def sigmoid_backward(grad_out, z):
    s = torch.sigmoid(z)
    return torch.stack([grad_out * s * (1 - s), z], -1)[..., 0]
